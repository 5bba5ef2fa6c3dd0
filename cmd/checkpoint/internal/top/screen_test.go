package top

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
)

var update = flag.Bool("update", false, "rewrite the screens in testdata from what is shown now")

// calls are what a store was asked.
type calls struct {
	mu       sync.Mutex
	made     []checkpoint.Call
	delay    time.Duration // of each walk
	underWay int
	most     int // walks at once
}

func (c *calls) CallStart(ctx context.Context, call checkpoint.Call) context.Context {
	c.mu.Lock()
	c.made = append(c.made, call)
	delay := c.delay
	if call.Op == "inspectAll" {
		c.underWay++
		c.most = max(c.most, c.underWay)
	}
	c.mu.Unlock()
	if call.Op == "inspectAll" && delay > 0 {
		time.Sleep(delay)
	}
	return ctx
}

func (c *calls) CallEnd(_ context.Context, call checkpoint.Call, _ checkpoint.CallResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call.Op == "inspectAll" {
		c.underWay--
	}
}

// count returns how many calls of op there were, and the keys that they named.
func (c *calls) count(op string) (n int, keys map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys = make(map[string]bool)
	for _, call := range c.made {
		if call.Op == op {
			n++
			keys[call.Key] = true
		}
	}
	return n, keys
}

// A person sits before a screen, in fake time.
type person struct {
	*testing.T

	driver *memstore.Driver
	calls  *calls
	store  *checkpoint.Store
	model  tea.Model
	msgs   chan tea.Msg
	quit   bool
}

// sit has a person look at a store, which fill fills first. Nothing of the screen is real
// except the model.
func sit(t *testing.T, fill func(*checkpoint.Store), watch func(*person)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &person{T: t, driver: memstore.New(), msgs: make(chan tea.Msg, 10_000)}
		p.calls = new(calls)
		p.store = checkpoint.New(p.driver, &checkpoint.Options{Observers: []checkpoint.Observer{p.calls}})
		fill(p.store)
		p.open(Options{})
		watch(p)
		time.Sleep(time.Minute) // its timers end
	})
}

// open starts top anew.
func (p *person) open(o Options) {
	ctx, cancel := context.WithCancel(p.Context())
	p.Cleanup(cancel)
	o.Store, o.Name, o.Pattern, o.Sort, o.Interval, o.Actor = p.store, "memory:", "*", "state", 2*time.Second, "ana@db1"
	o.Explain, o.Limit = error.Error, func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Minute)
	}
	p.model = newModel(ctx, o)
	p.run(p.model.Init())
	p.settle()
}

// run runs a command, as Bubble Tea does.
func (p *person) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() { p.msgs <- cmd() }()
}

// settle handles all messages that come without waiting.
func (p *person) settle() {
	for {
		synctest.Wait()
		select {
		case msg := <-p.msgs:
			p.send(msg)
		default:
			return
		}
	}
}

func (p *person) send(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.BatchMsg:
		for _, cmd := range msg {
			p.run(cmd)
		}
		return
	case tea.QuitMsg:
		p.quit = true
		return
	}
	var cmd tea.Cmd
	p.model, cmd = p.model.Update(msg)
	p.run(cmd)
}

func (p *person) wait(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); p.settle() {
		time.Sleep(100 * time.Millisecond)
	}
}

var named = map[string]rune{
	"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "pgdown": tea.KeyPgDown, "end": tea.KeyEnd, "home": tea.KeyHome,
}

// press presses keys, by name.
func (p *person) press(keys ...string) {
	for _, key := range keys {
		switch code, ok := named[key]; {
		case ok:
			p.send(tea.KeyPressMsg{Code: code})
		case key == "ctrl+c":
			p.send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
		default:
			p.send(tea.KeyPressMsg{Code: []rune(key)[0], Text: key})
		}
		p.settle()
	}
}

func (p *person) typeText(text string) {
	for _, r := range text {
		p.press(string(r))
	}
}

func (p *person) resize(width, height int) {
	p.send(tea.WindowSizeMsg{Width: width, Height: height})
	p.settle()
}

// screen is the text on the screen.
func (p *person) screen() string {
	lines := strings.Split(ansi.Strip(p.model.View().Content), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

func (p *person) see(wanted ...string) {
	p.Helper()
	for _, want := range wanted {
		if screen := p.screen(); !strings.Contains(screen, want) {
			p.Errorf("the screen does not show %q:\n%s", want, screen)
		}
	}
}

func (p *person) doNotSee(unwanted string) {
	p.Helper()
	if screen := p.screen(); strings.Contains(screen, unwanted) {
		p.Errorf("the screen shows %q:\n%s", unwanted, screen)
	}
}

// compare compares the screen with a file, which people can read.
func (p *person) compare(name string) {
	p.Helper()
	golden := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(golden, []byte(p.screen()), 0o600); err != nil {
			p.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		p.Fatal(err)
	}
	if got := p.screen(); got != string(want) {
		p.Errorf("%s (go test -update rewrites it): the screen shows\n%s\nwant\n%s", golden, got, want)
	}
}
