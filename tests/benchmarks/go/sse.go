package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// sink is where frames go: an http.ResponseWriter that flushes, or something that forgets.
type sink interface {
	io.Writer
	http.Flusher
}

// sseWriter writes Server-Sent Events; many goroutines may write at once.
type sseWriter struct {
	mu  sync.Mutex
	out sink
}

func (w *sseWriter) writeEvent(event string, data any) error {
	if strings.ContainsAny(event, "\r\n\x00") {
		return fmt.Errorf("event must be one line, not %q", event)
	}
	payload, err := json.Marshal(data)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := fmt.Fprintf(w.out, "event: %s\ndata: %s\n\n", event, payload); err != nil {
		return err
	}
	w.out.Flush()
	return nil
}
