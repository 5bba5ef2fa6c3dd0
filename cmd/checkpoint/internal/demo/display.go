package demo

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/term"
)

// A display prints what happens, line by line. On a terminal, a last line shows how far
// the consumers are.
type display struct {
	out      io.Writer
	terminal bool
	mu       sync.Mutex
	percent  map[string]int
	shown    string // the last line, which the next one replaces
}

func newDisplay(out io.Writer) *display {
	return &display{out: out, terminal: isTerminal(out), percent: map[string]int{}}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// painted colours the words that tell the story.
var painted = strings.NewReplacer(
	"KILLED", "\x1b[1;31mKILLED\x1b[0m",
	"TOOK OVER", "\x1b[1;32mTOOK OVER\x1b[0m",
	"JOINED", "\x1b[1;32mJOINED\x1b[0m",
	"WOKE UP", "\x1b[1;33mWOKE UP\x1b[0m",
	"VERIFIED", "\x1b[1;32mVERIFIED\x1b[0m",
	"FAILED", "\x1b[1;31mFAILED\x1b[0m",
)

// paint colours text for a terminal, unless its user wants no colours.
func paint(w io.Writer, text string) string {
	if !isTerminal(w) || os.Getenv("NO_COLOR") != "" {
		return text
	}
	return painted.Replace(text)
}

// say writes lines.
func (d *display) say(format string, args ...any) {
	d.replace(paint(d.out, fmt.Sprintf(format, args...)) + "\n")
}

// progress shows which part of the log the position of a consumer has passed.
func (d *display) progress(key string, part float64) {
	if !d.terminal {
		return
	}
	d.mu.Lock()
	d.percent[key] = int(part * 100)
	line := fmt.Sprintf("  %s %3d %%   %s %3d %%", plain.key, d.percent[plain.key], ours.key, d.percent[ours.key])
	changed := line != d.shown
	d.shown = line
	d.mu.Unlock()
	if changed {
		d.replace("")
	}
}

// stop removes the line that shows progress.
func (d *display) stop() {
	d.mu.Lock()
	d.shown = ""
	d.mu.Unlock()
	d.replace("")
}

// replace writes text in place of the last line, and the last line below it.
func (d *display) replace(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.terminal {
		text = "\r\x1b[K" + text + d.shown
	}
	_, _ = io.WriteString(d.out, text)
}

// thousands writes n as 1,234,567.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
