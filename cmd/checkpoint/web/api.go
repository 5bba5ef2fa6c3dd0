package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/driver"
)

// apiStatus answers as `checkpoint status -o json` prints: one object a line.
func (s *server) apiStatus(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	q := query{State: watch.State(values.Get("state")), Sort: "state"}
	if values.Has("sort") {
		q.Sort = values.Get("sort")
	}
	if err := q.check(); err != nil {
		apiError(w, http.StatusBadRequest, err)
		return
	}
	v, ok := s.apiView(w, r)
	if !ok {
		return
	}
	rows := slices.DeleteFunc(slices.Clone(v.rows), func(row watch.Row) bool {
		return q.State != "" && row.State != q.State ||
			values.Has("pattern") && !checkpoint.MatchPattern(values.Get("pattern"), row.Key)
	})
	watch.Sort(rows, q.Sort)
	var b bytes.Buffer
	writeLines(w, &b, text.Rows(&b, rows))
}

// apiHistory answers as `checkpoint history KEY -o json` prints.
func (s *server) apiHistory(w http.ResponseWriter, r *http.Request) {
	key, n := r.URL.Query().Get("key"), driver.AuditEntries
	if err := checkpoint.ValidateKey(key); err != nil {
		apiError(w, http.StatusBadRequest, err)
		return
	}
	if last := r.URL.Query().Get("last"); last != "" {
		var err error
		if n, err = strconv.Atoi(last); err != nil || n < 1 {
			apiError(w, http.StatusBadRequest, fmt.Errorf("last is %q: want a number from 1 up", last))
			return
		}
	}
	ctx, cancel := s.limited(r.Context())
	defer cancel()
	entries, err := s.store.History(ctx, key, n)
	if err != nil {
		apiError(w, codeOf(err), err)
		return
	}
	var b bytes.Buffer
	writeLines(w, &b, text.Entries(&b, entries))
}

func writeLines(w http.ResponseWriter, b *bytes.Buffer, err error) {
	if err != nil {
		apiError(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	_, _ = w.Write(b.Bytes()) // nobody is left to hear of it
}

func apiError(w http.ResponseWriter, code int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": errorText(err)})
}

// codeOf is the status of an answer for an error of the store.
func codeOf(err error) int {
	switch {
	case errors.Is(err, checkpoint.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, checkpoint.ErrInvalidKey):
		return http.StatusBadRequest
	case errors.Is(err, checkpoint.ErrFenced), errors.Is(err, checkpoint.ErrCorrupt):
		return http.StatusConflict
	case errors.Is(err, checkpoint.ErrUnsupported):
		return http.StatusNotImplemented
	}
	return http.StatusServiceUnavailable
}
