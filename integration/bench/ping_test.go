package main

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/internal/redistest"
)

func TestPingsOfAnotherProcess(t *testing.T) {
	server := redistest.Start(t)
	ran := false
	times, err := during(t.Context(), server.Addr(), func() error {
		ran = true
		return sleep(t.Context(), 20*time.Millisecond)
	})
	if err != nil || !ran || len(times) == 0 || slices.Min(times) <= 0 {
		t.Errorf("got %v, %v", times, err)
	}
}

func TestPingsWithoutAServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	times, err := during(t.Context(), l.Addr().String(), func() error {
		t.Error("it ran although nobody watched")
		return nil
	})
	if err == nil || len(times) > 0 {
		t.Errorf("got %v, %v, want an error", times, err)
	}
}

// TestPingsThatWaited: one answer that is late delays those behind it, which
// count from when they were due.
func TestPingsThatWaited(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const late, answers = 50 * time.Millisecond, 40
	in, end := io.Pipe()
	go func() {
		defer end.Close()
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buffer := make([]byte, 6)
		for i := 0; ; i++ {
			if _, err := io.ReadFull(conn, buffer); err != nil {
				return
			}
			if i == 2 {
				time.Sleep(late) // the server that does something else
			}
			if _, err := io.WriteString(conn, "+PONG\r\n"); err != nil {
				return
			}
			if i == answers {
				end.Close()
			}
		}
	}()
	var out strings.Builder
	if err := servePings(context.Background(), l.Addr().String(), in, &out); err != nil {
		t.Fatal(err)
	}
	slow := 0
	for line := range strings.Lines(out.String()) {
		if d, err := time.ParseDuration(strings.TrimSpace(line) + "ns"); err == nil && d > late/5 {
			slow++
		}
	}
	if slow < 20 {
		t.Errorf("%d PINGs waited for one answer, want one for each millisecond:\n%s", slow, &out)
	}
}
