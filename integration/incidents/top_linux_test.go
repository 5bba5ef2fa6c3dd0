package incidents

import (
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/vt"

	"github.com/checkpointstore/checkpoint/internal/ptytest"
)

// A screen is a terminal on which top runs.
type screen struct {
	desk
	keys io.Writer

	mu       sync.Mutex
	terminal *vt.Emulator
}

// top starts top on a terminal of its own.
func (d desk) top() *screen {
	d.Helper()
	const width, height = 120, 24
	cmd := exec.Command(program, "top", "--stale", "3s", "--interval", "500ms")
	cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+d.store, "TERM=xterm-256color")
	master, err := ptytest.Start(cmd, width, height)
	if err != nil {
		d.Fatal(err)
	}
	s := &screen{desk: d, keys: master, terminal: vt.NewEmulator(width, height)}
	var streams sync.WaitGroup
	streams.Go(func() { _, _ = io.Copy(s, master) })          // fails when top has ended
	streams.Go(func() { _, _ = io.Copy(master, s.terminal) }) // answers to what top asks the terminal
	d.Cleanup(func() {
		defer time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }).Stop()
		s.types("q")
		if err := cmd.Wait(); err != nil {
			d.Errorf("top: %v", err)
		}
		_ = s.terminal.InputPipe().(io.Closer).Close()
		streams.Wait()
		_ = master.Close()
	})
	return s
}

// Write draws what top sends.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terminal.Write(p)
}

func (s *screen) types(keys string) {
	s.Helper()
	if _, err := io.WriteString(s.keys, keys); err != nil {
		s.Errorf("top does not take the keys %q: %v", keys, err)
	}
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terminal.String()
}

// states are those in the table on the screen, by key.
func (s *screen) states() map[string]string {
	states := make(map[string]string)
	_, table, _ := strings.Cut(s.text(), " KEY ")
	_, table, _ = strings.Cut(table, "\n") // behind its head
	table, _, _ = strings.Cut(table, "\n\n")
	for line := range strings.Lines(table) {
		if cells := strings.Fields(strings.TrimPrefix(line, "▸")); len(cells) > 1 {
			states[cells[0]] = cells[1]
		}
	}
	return states
}

// becomes waits until the screen says that the states are those, and no others.
func (s *screen) becomes(want map[string]string) {
	s.Helper()
	for began := time.Now(); time.Since(began) < patience; time.Sleep(100 * time.Millisecond) {
		if maps.Equal(s.states(), want) {
			s.Logf("top was right after %v", time.Since(began).Round(100*time.Millisecond))
			return
		}
	}
	s.Fatalf("top shows %v, want %v; the screen is\n%s", s.states(), want, s.text())
}

// filters types a filter, which leaves those states of all, and takes it away again.
func (s *screen) filters(filter string, left, all map[string]string) {
	s.Helper()
	s.types("/" + filter + "\r")
	s.becomes(left)
	s.types("\x1b") // alone: with a key behind it, it is another key
	s.becomes(all)
}
