package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
)

const (
	eventBytes = 43
	lineBytes  = 38
	bodyBytes  = 5137
	linesBytes = 36889
	lineCount  = 1000
)

type text struct {
	Text string `json:"text"`
}

type textLine struct {
	Text string `json:"text"`
	Type string `json:"type"`
}

type finished struct {
	Finished bool `json:"finished"`
}

// nullSink forgets all but how long the last thing was that was written.
type nullSink struct{ last int }

func (s *nullSink) Write(data []byte) (int, error) {
	s.last = len(data)
	return len(data), nil
}

func (s *nullSink) Flush() {}

func (s *nullSink) check(want int) error {
	if s.last != want {
		return fmt.Errorf("%d bytes were written, not %d", s.last, want)
	}
	return nil
}

func encodeEventsOfStructs(rounds int) error {
	sink := &nullSink{}
	writer := &sseWriter{out: sink}
	for range rounds {
		if err := writer.writeEvent("text_delta", text{"Hello!"}); err != nil {
			return err
		}
	}
	return sink.check(eventBytes)
}

func encodeEventsOfMaps(rounds int) error {
	sink := &nullSink{}
	writer := &sseWriter{out: sink}
	for range rounds {
		if err := writer.writeEvent("text_delta", map[string]any{"text": "Hello!"}); err != nil {
			return err
		}
	}
	return sink.check(eventBytes)
}

func encodeLinesOfStructs(rounds int) error {
	sink := &nullSink{}
	writer := newNdjsonWriter(sink)
	for range rounds {
		if err := writer.write(textLine{"Hello!", "text_delta"}); err != nil {
			return err
		}
	}
	return sink.check(lineBytes)
}

func encodeLinesOfMaps(rounds int) error {
	sink := &nullSink{}
	writer := newNdjsonWriter(sink)
	for range rounds {
		if err := writer.write(map[string]any{"text": "Hello!", "type": "text_delta"}); err != nil {
			return err
		}
	}
	return sink.check(lineBytes)
}

// sendEvents answers with 100 events and one that says that they are all.
func sendEvents(response http.ResponseWriter, _ *http.Request) {
	response.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	response.Header().Set("Cache-Control", "no-cache")
	response.Header().Set("X-Accel-Buffering", "no")
	writer := &sseWriter{out: response.(sink)}
	for number := range 100 {
		if writer.writeEvent("text_delta", map[string]any{"text": fmt.Sprintf("word number %02d", number)}) != nil {
			return
		}
	}
	_ = writer.writeEvent("done", map[string]any{"finished": true})
}

func recordEvents(rounds int) error {
	for range rounds {
		recorder := httptest.NewRecorder()
		sendEvents(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
		if recorder.Body.Len() != bodyBytes {
			return fmt.Errorf("%d bytes were recorded, not %d", recorder.Body.Len(), bodyBytes)
		}
	}
	return nil
}

var server = sync.OnceValue(func() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(sendEvents))
})

// getEvents asks a server of this process by one connection that it keeps.
func getEvents(rounds int) error {
	client, url := server().Client(), server().URL
	for range rounds {
		response, err := client.Get(url)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || len(body) != bodyBytes {
			return fmt.Errorf("%d bytes came, not %d: %v", len(body), bodyBytes, err)
		}
	}
	return nil
}

var lines = sync.OnceValue(func() []byte {
	var joined []byte
	for number := range lineCount {
		joined = fmt.Appendf(joined, "{\"text\":\"w %d\",\"type\":\"text_delta\"}\n", number)
	}
	return joined[:len(joined)-1] // the last line ends with the stream
})

func readLines(rounds int) error {
	if len(lines()) != linesBytes {
		return fmt.Errorf("the lines have %d bytes, not %d", len(lines()), linesBytes)
	}
	for range rounds {
		items, err := readNdjson(bytes.NewReader(lines()))
		if err != nil || len(items) != lineCount {
			return fmt.Errorf("%d lines were read, not %d: %v", len(items), lineCount, err)
		}
	}
	return nil
}
