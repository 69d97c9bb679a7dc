package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// ndjsonWriter writes a line for each item; many goroutines may write at once.
type ndjsonWriter struct {
	mu      sync.Mutex
	out     sink
	encoder *json.Encoder
}

func newNdjsonWriter(out sink) *ndjsonWriter {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return &ndjsonWriter{out: out, encoder: encoder}
}

func (w *ndjsonWriter) write(item any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.encoder.Encode(item); err != nil {
		return err
	}
	w.out.Flush()
	return nil
}

// readNdjson gives the objects of all lines.
func readNdjson(in io.Reader) ([]map[string]any, error) {
	var items []map[string]any
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var item map[string]any
		if err := json.Unmarshal(lines.Bytes(), &item); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(items)+1, err)
		}
		items = append(items, item)
	}
	return items, lines.Err()
}
