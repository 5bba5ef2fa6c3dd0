package web

import (
	"bytes"
	"fmt"
	"net/http"
	"time"
)

const (
	// mostViewers bounds how many streams there are at once.
	mostViewers = 64
	// mostSilence is how long a stream sends nothing. The script of the page waits for longer.
	mostSilence = 4 * time.Second
	// slowest is how long a viewer may take for one event.
	slowest = 10 * time.Second
)

// alive tells a viewer that nothing has changed. A viewer that hears nothing for some
// seconds takes what it shows for old.
const alive = "event: alive\ndata: 1\n\n"

// events sends the live part of a page each time that it has changed.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	part, err := s.part(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case s.viewers <- struct{}{}:
		defer func() { <-s.viewers }()
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, fmt.Sprintf("%d others look already; the page renews itself more slowly", mostViewers), http.StatusServiceUnavailable)
		return
	}
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep the events back
	var sent []byte
	for {
		v := s.poller.look(r.Context(), patience)
		event := []byte(alive)
		if live := part(&v); !bytes.Equal(live, sent) {
			event, sent = eventOf(live), live
		}
		_ = control.SetWriteDeadline(time.Now().Add(slowest)) // the server's own limit is for short answers
		if _, err := w.Write(event); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(s.pause(&v)):
		}
	}
}

// pause is how long a stream waits for the next read, which all streams wait for at once. It
// is short enough for a viewer to hear that the stream is alive.
func (s *server) pause(v *view) time.Duration {
	return min(max(s.opts.Every-time.Since(v.last), s.opts.Every/10), mostSilence)
}

// part returns what renders the live part of the page that the request is about.
func (s *server) part(r *http.Request) (func(*view) []byte, error) {
	values := r.URL.Query()
	if key := values.Get("key"); key != "" {
		return func(v *view) []byte { return rendered("consumer-live", s.facts(r, v, key)) }, nil
	}
	if name := values.Get("group"); name != "" {
		return func(v *view) []byte { return rendered("group-live", s.groupPage(r, v, name)) }, nil
	}
	if values.Has("groups") {
		return func(v *view) []byte { return rendered("groups-live", s.groupsPage(r, v)) }, nil
	}
	q, err := queryOf(values)
	if err != nil {
		return nil, err
	}
	return func(v *view) []byte { return rendered("list-live", s.listing(r, v, q)) }, nil
}

func eventOf(html []byte) []byte {
	html = bytes.ReplaceAll(html, []byte("\r"), []byte("&#13;")) // to a viewer, it ends a line
	var b bytes.Buffer
	for line := range bytes.Lines(html) {
		b.WriteString("data: ")
		b.Write(bytes.TrimRight(line, "\n"))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.Bytes()
}
