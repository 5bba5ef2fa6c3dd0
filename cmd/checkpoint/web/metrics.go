package web

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// health says whether the store can be read, and nothing else: anybody may ask.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	v := s.poller.look(r.Context(), s.opts.Timeout)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if s.poller.fault(&v, time.Now()) != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "the store cannot be read")
		return
	}
	fmt.Fprintln(w, "ok")
}

// metrics counts consumers by state, in the text format of Prometheus. While the store
// cannot be read, there is no count: an old one would look like a new one.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	v := s.poller.look(r.Context(), s.opts.Timeout)
	up := s.poller.fault(&v, time.Now()) == ""
	var b bytes.Buffer
	gauge := func(name, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %[1]s gauge\n", name, help) }
	gauge("checkpoint_store_up", "Whether the last read of the store worked.")
	fmt.Fprintf(&b, "checkpoint_store_up %d\n", map[bool]int{true: 1}[up])
	if v.known() {
		gauge("checkpoint_store_read_timestamp_seconds", "When the store was read for the last time.")
		fmt.Fprintf(&b, "checkpoint_store_read_timestamp_seconds %.3f\n", float64(v.at.UnixMilli())/1000)
	}
	if up {
		gauge("checkpoint_consumers", "Consumers by state.")
		count := watch.Count(v.rows)
		for _, state := range watch.States {
			fmt.Fprintf(&b, "checkpoint_consumers{state=%q} %d\n", state, count[state])
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // nobody is left to hear of it
}
