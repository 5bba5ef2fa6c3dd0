package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// A display tells what happens: with a bar for each consumer on a terminal,
// and in plain lines elsewhere.
type display struct {
	out  io.Writer
	pool *mpb.Progress // nil but on a terminal while consumers run
	bars map[string]*mpb.Bar
	free func() bool // ends the wait for an interrupt
}

func newDisplay(out io.Writer) *display { return &display{out: out} }

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// say writes a line, above the bars if there are any.
func (d *display) say(format string, args ...any) {
	text := fmt.Appendf(nil, format+"\n", args...)
	if d.pool != nil {
		_, _ = d.pool.Write(text)
		return
	}
	_, _ = d.out.Write(text)
}

const barSteps = 1000

// start shows the consumers at the start of the log.
func (d *display) start(ctx context.Context, outcomes []*outcome) {
	if !isTerminal(d.out) {
		return
	}
	d.pool = mpb.New(mpb.WithOutput(d.out), mpb.WithWidth(100))
	// A terminal shows ^C where the cursor stands, and the last frame of the bars
	// would begin behind it.
	d.free = context.AfterFunc(ctx, func() { _, _ = d.out.Write([]byte{'\r'}) })
	d.bars = map[string]*mpb.Bar{}
	for _, o := range outcomes {
		d.bars[o.key] = d.pool.AddBar(barSteps,
			mpb.PrependDecorators(decor.Name(o.key, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Percentage(decor.WCSyncSpace)),
		)
	}
}

// progress shows which part of the log a consumer's checkpoint has passed.
func (d *display) progress(key string, part float64) {
	if bar := d.bars[key]; bar != nil {
		bar.SetCurrent(int64(part * barSteps))
	}
}

// stop leaves the bars as they stand.
func (d *display) stop() {
	if d.pool == nil {
		return
	}
	for _, bar := range d.bars {
		bar.Abort(false) // a bar that is complete stays so
	}
	d.pool.Wait()
	d.free()
	d.pool = nil
}

// thousands writes n as 1,234,567.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
