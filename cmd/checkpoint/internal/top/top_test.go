package top

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

func TestList(t *testing.T) {
	sit(t, incident, func(p *person) {
		p.see("memory:", "1 stuck  1 slow  1 rewound  1 paused", "▸ billing", "billing: it has not advanced for 7m")
		for n := range uint64(12) {
			const key = "orders/search-index-of-the-whole-catalogue"
			if n == 8 {
				_, err := p.store.Rewind(p.Context(), key, at(90_000))
				must(err)
			} else {
				advance(p.store, key, 91_204+n*n)
			}
			p.wait(2 * time.Second)
		}
		p.compare("list_80x24")
		p.resize(200, 60)
		p.compare("list_200x60")
		p.resize(40, 10)
		p.compare("list_40x10")
		p.resize(1, 1)
		p.screen()
	})
}

func TestMoving(t *testing.T) {
	sit(t, incident, func(p *person) {
		p.press("down", "down")
		p.see("▸ moved")
		p.press("up")
		p.see("▸ orders/sear")
		p.press("end")
		p.see("▸ mailer", "archive/14")
		p.doNotSee("archive/13")
		p.press("pgdown", "home")
		p.see("▸ billing")
		p.press("pgdown")
		p.doNotSee("▸ billing")

		// The selection is a key, whatever becomes of its row.
		p.press("end", "up")
		p.see("▸ search")
		p.press("s")
		p.see("by key", "▸ search")
		p.press("s")
		p.see("by lag", "▸ search")
		p.press("s", "s")
		p.see("by state")
		must(p.store.Set(p.Context(), "a", at(1)))
		p.wait(2 * time.Second)
		p.see("▸ search")
	})
}

func TestFilter(t *testing.T) {
	sit(t, incident, func(p *person) {
		p.press("/")
		p.typeText("ARCHIVE/1")
		p.see("10 of 35 with ARCHIVE/1", "archive/10", "archive/19", "/ARCHIVE/1")
		p.doNotSee("billing")
		if c := p.model.View().Cursor; c == nil || c.X != 10 || c.Y != 23 {
			p.Errorf("the cursor is at %+v", c)
		}
		p.press("enter", "down")
		p.see("▸ archive/11", "10 of 35")
		p.press("esc")
		p.see("35 keys", "▸ archive/11")
		p.press("/")
		p.typeText("slow")
		p.see("1 of 35 with slow", "▸ orders/sear")
		p.typeText("q")
		p.see("no key, state or owner has slowq in it")
		p.press("enter", "enter", "R")
		p.see("no key, state or owner has slowq in it")
		p.press("/", "esc")
		p.see("35 keys")
	})
}

func TestDetail(t *testing.T) {
	sit(t, incident, func(p *person) {
		p.press("enter")
		p.compare("detail_80x24")
		p.press("end")
		p.see("no samples")
		p.press("esc", "down", "down", "enter")
		p.see("moved is rewound", "rewind from C:9000/P:9000 by ana@db1", "rewind by ana@db1: 9000 to 1200, epoch 0 to 1", "INC-7: prices were wrong")
		p.resize(200, 60)
		p.compare("detail_200x60")
		must(p.store.Set(p.Context(), "moved", at(7), checkpoint.Epoch(9), checkpoint.By("bo@db1", "mine")))
		p.wait(2 * time.Second)
		p.see("position  7, written", "set by bo@db1: 1200 to 7, epoch 1 to 9", "mine")
		p.press("?")
		p.see("KEYS", "any key goes back")
		p.press("x", "esc")
		p.see("▸ moved")
	})
}

// TestHelp compares the help, which has the words of all keys.
func TestHelp(t *testing.T) {
	sit(t, incident, func(p *person) {
		p.press("?")
		p.compare("help_80x24")
	})
}

func TestQuit(t *testing.T) {
	for _, key := range []string{"q", "ctrl+c"} {
		sit(t, incident, func(p *person) {
			p.press(key)
			if !p.quit {
				p.Errorf("%s does not quit", key)
			}
		})
	}
}

// TestFailingStore: a store that fails never looks like an empty one.
func TestFailingStore(t *testing.T) {
	sit(t, incident, func(p *person) {
		p.driver.Fail(errors.New("no route to\x1b[2Jhost"))
		p.wait(12 * time.Second)
		p.compare("failing_80x24")
		p.press("enter")
		p.see("billing is stuck", `OLD: last read 12s ago: "checkpoint: inspectAll: no route to\x1b[2Jhost"`, "could not be read")
		p.resize(80, 60)
		p.doNotSee("none")
		p.doNotSee("no samples")
		p.resize(80, 24)
		p.press("esc")
		p.driver.Fail(nil)
		p.wait(2 * time.Second)
		p.doNotSee("OLD")
		p.doNotSee("~")
	})
	sit(t, func(*checkpoint.Store) {}, func(p *person) {
		p.see(`nothing matches *`)
		p.driver.Fail(errors.New("no route"))
		p.open(Options{})
		p.wait(5 * time.Second)
		p.see("nothing was read yet: checkpoint: inspectAll: no route")
		p.doNotSee("nothing matches")
	})
}

// forgetful is a store that keeps neither a history nor samples.
type forgetful struct {
	driver.Driver
	driver.Inspector
}

// TestNoHistory: a store that keeps no history does not look like one in which nobody has
// changed anything.
func TestNoHistory(t *testing.T) {
	sit(t, incident, func(p *person) {
		p.store = checkpoint.New(forgetful{p.driver, p.driver}, nil)
		p.open(Options{})
		p.press("enter")
		p.resize(80, 60)
		p.see("the engine keeps no history", "the engine keeps no samples")
		p.doNotSee("  none")
	})
}

// TestHostileTexts: what others have stored does not steer the terminal.
func TestHostileTexts(t *testing.T) {
	const bad = "\x1b]0;owned\x07"
	sit(t, func(s *checkpoint.Store) {
		incident(s)
		must(s.Set(context.Background(), "zz", at(1), checkpoint.By("eve"+bad, bad)))
	}, func(p *person) {
		p.driver.Edit("zz"+bad, func(c *cell) { c.Checkpoint.Exists, c.Lease.Owner = true, "o"+bad })
		p.wait(2 * time.Second)
		p.press("/", "z", "enter")
		p.see(`"zz\x1b]0;`)
		for _, keys := range [][]string{{"enter"}, {"esc"}, {"R"}, {"down", "enter"}, {"esc"}} {
			p.press(keys...)
			for _, r := range p.model.View().Content {
				if r == '\a' || r == '\x9b' {
					p.Fatalf("after %v the screen has %q:\n%q", keys, r, p.model.View().Content)
				}
			}
		}
	})
}

// TestManyKeys: a screen costs what it shows.
func TestManyKeys(t *testing.T) {
	sit(t, func(s *checkpoint.Store) {
		for i := range 10_000 {
			must(s.Set(context.Background(), fmt.Sprintf("k%05d", i), at(uint64(i))))
		}
	}, func(p *person) {
		p.see("10000 keys", "▸ k00000")
		few := testing.AllocsPerRun(10, func() { p.model.View() })
		if few > 2000 {
			p.Errorf("one screen of 10,000 keys takes %v allocations", few)
		}
		p.press("end")
		p.see("▸ k09999")
	})
}
