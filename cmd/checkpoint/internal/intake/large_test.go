package intake_test

import (
	"bufio"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/memstore"
)

// most is how much heap an import may need, however long its input is. The lines that wait
// are decoded, so their padding is gone.
const most = 32 << 20

// stream generates its text again and again.
type stream struct {
	text       string
	times      int // -1: for ever
	rest       string
	read, peak uint64
	next       uint64 // when to look at the heap
}

func (s *stream) Read(p []byte) (int, error) {
	if s.rest == "" {
		if s.times == 0 {
			return 0, io.EOF
		}
		s.times--
		s.rest = s.text
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	if s.read += uint64(n); s.read >= s.next {
		s.next += 16 << 20
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		s.peak = max(s.peak, m.HeapAlloc)
	}
	return n, nil
}

// TestImportOfAGigabyte needs no more memory for a long input than for a short
// one.
func TestImportOfAGigabyte(t *testing.T) {
	padding := strings.Repeat(" ", 60<<10)
	line := `{"key":"k","commit":"1","prepare":"1"}` + padding + "\n"
	s := &stream{text: line, times: 20_000} // 1.2 GB
	store := checkpoint.New(memstore.New(), nil)
	r, err := importLines(t.Context(), store, bufio.NewReaderSize(s, 1<<20), 19_501)
	if err != nil || r.Written != 1 || r.Looked() != 500 {
		t.Errorf("Import: %+v, %v", r, err)
	}
	t.Logf("%d MB were read, the heap had at most %d MB", s.read/1e6, s.peak/1e6)
	if s.read < 1e9 || s.peak > most {
		t.Errorf("%d MB were read, and the heap had up to %d MB; %d MB are allowed", s.read/1e6, s.peak/1e6, uint64(most)/1_000_000)
	}
}

// TestImportOfAnEndlessLine gives up when the line is longer than any line of ours.
func TestImportOfAnEndlessLine(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	s := &stream{text: strings.Repeat(`{"key":`, 1000), times: -1}
	in := io.MultiReader(strings.NewReader(`{"key":"k","commit":"1","prepare":"1"}`+"\n"), s)
	_, err := importLines(t.Context(), store, in, 1)
	var at *intake.Error
	if !errors.As(err, &at) || at.Item.Line != 2 || !strings.Contains(err.Error(), "longer than 64 KiB") {
		t.Errorf("Import: %v", err)
	}
	if s.read > 1<<20 {
		t.Errorf("it has read %d bytes of a line that does not end", s.read)
	}
	if _, err := store.Get(t.Context(), "k"); err != nil {
		t.Errorf("the line before: %v", err)
	}
}
