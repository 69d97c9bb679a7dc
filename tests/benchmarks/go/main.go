// The work of formats.py as one does it in Go, with nothing but the standard library.
//
// Reads lines of a name and a number of rounds, and answers each with the nanoseconds that one
// round took.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"time"
)

// works are what can be asked for; each does so many rounds, and fails where it did not do all of its work.
var works = map[string]func(rounds int) error{
	"sse-struct":    encodeEventsOfStructs,
	"sse-map":       encodeEventsOfMaps,
	"ndjson-struct": encodeLinesOfStructs,
	"ndjson-map":    encodeLinesOfMaps,
	"recorder":      recordEvents,
	"http":          getEvents,
	"reader":        readLines,
}

func main() {
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		nanoseconds, err := measure(asked.Text())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(nanoseconds)
	}
}

func measure(asked string) (float64, error) {
	var name string
	var rounds int
	if _, err := fmt.Sscan(asked, &name, &rounds); err != nil {
		return 0, fmt.Errorf("%q is no name and number: %w", asked, err)
	}
	work, known := works[name]
	if !known {
		return 0, fmt.Errorf("no work is called %q", name)
	}
	began := time.Now()
	err := work(rounds)
	return float64(time.Since(began).Nanoseconds()) / float64(rounds), err
}
