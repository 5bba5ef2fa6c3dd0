package demo

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/ptytest"
)

// openTerminal returns both ends of a terminal.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, terminal, err := ptytest.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		screen.Close()
		terminal.Close()
	})
	return screen, terminal
}

// onTerminal returns the output that a terminal receives.
func onTerminal(t *testing.T, write func(io.Writer)) string {
	t.Helper()
	screen, terminal := openTerminal(t)
	write(terminal)
	if _, err := io.WriteString(terminal, "|"); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for buf := make([]byte, 1024); !strings.HasSuffix(got.String(), "|"); {
		n, err := screen.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(buf[:n])
	}
	return strings.TrimSuffix(got.String(), "|")
}

func showSome(w io.Writer) {
	d := newDisplay(w)
	d.say("KILLED it.")
	d.progress(ours.key, 0.3)
	d.say("TOOK OVER.")
	d.stop()
	_, _ = io.WriteString(w, paint(w, "VERIFIED: all."))
}

func TestDisplay(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	const erase, status = "\r\x1b[K", "  demo/plain   0 %   demo/stock  30 %"
	want := erase + "\x1b[1;31mKILLED\x1b[0m it.\r\n" + erase + status +
		erase + "\x1b[1;32mTOOK OVER\x1b[0m.\r\n" + status + erase + "\x1b[1;32mVERIFIED\x1b[0m: all."
	if got := onTerminal(t, showSome); got != want {
		t.Errorf("a terminal gets\n%q, want\n%q", got, want)
	}

	t.Setenv("NO_COLOR", "1")
	want = erase + "KILLED it.\r\n" + erase + status + erase + "TOOK OVER.\r\n" + status + erase + "VERIFIED: all."
	if got := onTerminal(t, showSome); got != want {
		t.Errorf("with NO_COLOR a terminal gets\n%q, want\n%q", got, want)
	}

	want = "KILLED it.\nTOOK OVER.\nVERIFIED: all."
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if got := onTerminal(t, showSome); got != strings.ReplaceAll(want, "\n", "\r\n") {
		t.Errorf("a dumb terminal gets %q", got)
	}
	var pipe strings.Builder
	showSome(&pipe)
	if pipe.String() != want {
		t.Errorf("a pipe gets %q, want %q", &pipe, want)
	}
}
