package page

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A browser is one tab of Chromium. It notes what its pages complain of.
type browser struct {
	testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// open starts Chromium: that of scripts/install-servers.sh, or else the one of the system.
func open(tb testing.TB) *browser {
	tb.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.DisableGPU, chromedp.NoSandbox, chromedp.UserDataDir(tb.TempDir()), chromedp.WSURLReadTimeout(time.Minute))
	if program := filepath.Join("..", "..", ".bin", "servers", "chromium", "bin", "chromium-headless-shell"); exists(program) {
		opts = append(opts, chromedp.ExecPath(program))
	}
	start, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	tb.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(start)
	tb.Cleanup(closeTab)
	b := &browser{TB: tb, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil { // the context of the first call must have no timeout
		tb.Fatalf("this test needs Chromium: run `make servers`, or install Chromium or Chrome: %v", err)
	}
	b.ctx, stop = context.WithTimeout(ctx, 2*time.Minute)
	tb.Cleanup(stop)
	if err := chromedp.Listen(b.ctx, b.hear); err != nil {
		tb.Fatal(err)
	}
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	return b
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// hear notes errors of scripts, what the policy forbids, and dialogs, which no page opens.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "an exception: "+e.ExceptionDetails.Text)
	case *page.EventJavascriptDialogOpening:
		b.complaints = append(b.complaints, "a dialog: "+e.Message)
	}
}

// quiet checks that nothing complained, except of what is expected.
func (b *browser) quiet(expected ...string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, complaint := range b.complaints {
		for _, e := range expected {
			if strings.Contains(complaint, e) {
				continue next
			}
		}
		b.Errorf("the browser complains: %s", complaint)
	}
	b.complaints = nil
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

func value[T any](b *browser, a chromedp.Action[T]) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

func call[P, R any](b *browser, cmd cdp.Command[P, R], params P) {
	b.Helper()
	if _, err := chromedp.Call(b.ctx, cmd, params); err != nil {
		b.Fatal(err)
	}
}

// size sets the width of the screen, and light or dark.
func (b *browser) size(width int64, scheme string) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, 800))
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// text is the text that a person sees.
func (b *browser) text() string {
	b.Helper()
	return value(b, chromedp.Evaluate[string](`document.body?.innerText ?? ""`))
}

// sees waits until the page shows a text.
func (b *browser) sees(want string) {
	b.Helper()
	for range 300 {
		if strings.Contains(b.text(), want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatalf("the page does not show %q, but\n%s", want, b.text())
}

// fits checks that nothing is wider than the screen.
func (b *browser) fits() {
	b.Helper()
	wide := value(b, chromedp.Evaluate[string](`[...document.querySelectorAll("body *")]
		.map(e => [e, Math.round(e.getBoundingClientRect().right)]).filter(([, right]) => right > innerWidth)
		.map(([e, right]) => e.tagName + "." + e.className + " " + right).slice(0, 5).join(", ")`))
	if wide != "" {
		b.Errorf("wider than the screen: %s", wide)
	}
}
