package top

import (
	"context"
	"io"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// consumer fills a store with one consumer, which has stood at 100, 200, ... 1000, one a
// five minutes.
func consumer(s *checkpoint.Store) {
	l, err := s.Acquire(context.Background(), "orders", "orders@host-1", 8*time.Hour)
	must(err)
	for n := range uint64(10) {
		_, err := s.SetIfNewer(context.Background(), "orders", at(100*(n+1)), checkpoint.Epoch(l.Epoch))
		must(err)
		if n < 9 {
			time.Sleep(5 * time.Minute)
		}
	}
}

func (p *person) at(want checkpoint.Position, epoch uint64) {
	p.Helper()
	c, err := p.store.Get(p.Context(), "orders")
	if err != nil || c.Position != want || c.Epoch != epoch {
		p.Errorf("it is at %v with epoch %d, %v; want %v with epoch %d", c.Position, c.Epoch, err, want, epoch)
	}
}

func (p *person) entry(op, reason string) {
	p.Helper()
	entries, err := p.store.History(p.Context(), "orders", 1)
	if err != nil || len(entries) == 0 || entries[0].Op != op || entries[0].Actor != "ana@db1" || entries[0].Reason != reason {
		p.Errorf("the history has %+v, %v; want %s with the reason %q", entries, err, op, reason)
	}
}

func TestRewindNeedsWrite(t *testing.T) {
	sit(t, consumer, func(p *person) {
		p.press("R")
		p.see("R rewinds only if top runs with --write")
		p.press("U")
		p.see("U undoes a change only if top runs with --write")
		p.press("enter", "R")
		p.see("R rewinds only if top runs with --write")
		p.at(at(1000), 1)
	})
}

// mute loses the reply to a write.
type mute struct{ *memstore.Driver }

func (m mute) Write(ctx context.Context, batch []driver.Write) ([]driver.Result, error) {
	if _, err := m.Driver.Write(ctx, batch); err != nil {
		return nil, err
	}
	return nil, io.ErrUnexpectedEOF
}

// TestLostReply: a rewind whose reply was lost does not look like one that was not made.
func TestLostReply(t *testing.T) {
	sit(t, consumer, func(p *person) {
		p.store = checkpoint.New(mute{p.driver}, nil)
		p.open(Options{Write: true})
		p.press("R")
		p.typeText("700")
		p.press("enter")
		p.typeText("orders")
		p.press("enter", "enter", "enter")
		p.at(at(700), 2)
		p.resize(160, 24)
		p.see("unexpected EOF", "It is not known whether it was rewound", "`checkpoint history KEY` says so")
	})
}

// TestRewind goes to a sample: the screen shows what that does, wants the key and a reason,
// and then what was done.
func TestRewind(t *testing.T) {
	sit(t, consumer, func(p *person) {
		p.open(Options{Write: true})
		p.press("R")
		p.compare("rewind_where_80x24")
		p.press("down", "down", "down", "up")
		p.see("> C:800/P:800", "▸ 2000-01-01 00:35:00Z")
		p.press("enter")
		p.compare("rewind_plan_80x24")
		p.typeText("order")
		p.press("enter")
		p.see("this is not the key")
		p.typeText("s")
		p.press("enter")
		p.see("Reason, for the history:")
		p.at(at(1000), 1)
		p.typeText("INC-7")
		p.press("enter")
		p.compare("rewind_done_80x24")
		p.at(at(800), 2)
		p.entry("rewind", "INC-7")
		p.press("enter")
		p.wait(2 * time.Second)
		p.see("▸ orders  rewound")

		p.press("U")
		p.see("Undo the last change of orders", "before     800", "after      1000", "SKIPS 200: nobody will do these events", "locks out  epochs up to 2")
		p.typeText("orders")
		p.press("enter", "enter")
		p.see("Enter again for no reason")
		p.press("enter")
		p.see("Nobody will do the events after 800, up to 1000.")
		p.at(at(1000), 3)
		p.entry("undo", "undoes the rewind by ana@db1 of 2000-01-01T00:45:00.000Z")
	})
}

func TestRewindToATime(t *testing.T) {
	sit(t, consumer, func(p *person) {
		p.open(Options{Write: true, Reason: "INC-8"})
		p.press("R")
		p.typeText("12m")
		p.press("enter")
		p.see("after      700", "known at   2000-01-01 00:30:00Z (15m ago)", "locks out  orders@host-1 (ends in 7h)")
		p.typeText("orders")
		p.press("enter")
		p.see("> INC-8")
		p.press("enter")
		p.at(at(700), 2)
		p.entry("rewind", "INC-8")
	})
}

// TestRewindIsOfItsTime: a rewind that was shown is not made if somebody was faster.
func TestRewindIsOfItsTime(t *testing.T) {
	sit(t, consumer, func(p *person) {
		p.open(Options{Write: true})
		p.press("enter", "R")
		p.typeText("500")
		p.press("enter")
		_, err := p.store.Rewind(p.Context(), "orders", at(300))
		must(err)
		p.typeText("orders")
		p.press("enter")
		p.typeText("why")
		p.press("enter")
		p.see("Somebody has rewound it or taken its lease over meanwhile. It stays as it is")
		p.at(at(300), 2)
		p.press("enter")
		p.see("orders is ")

		p.press("R")
		p.typeText("200")
		p.press("enter")
		advance(p.store, "orders", 350)
		p.typeText("orders")
		p.press("enter", "x", "enter")
		p.see("It went from 350 to 200, and its epoch is 3 now.", "It had moved from 300 to 350 meanwhile.")
	})
}

func TestRewindThatIsNoGood(t *testing.T) {
	sit(t, consumer, func(p *person) {
		p.open(Options{Write: true})
		p.press("R")
		for text, want := range map[string]string{
			"yesterday": `! "yesterday" is neither start nor head`,
			"1000":      "! it is at C:1000/P:1000 already",
			"9h":        "! nothing is known of it at or before ",
			"":          `! "" is neither start nor head`,
		} {
			p.typeText(text)
			p.press("enter")
			p.see(want)
			for range text {
				p.send(tea.KeyPressMsg{Code: tea.KeyBackspace})
			}
		}
		p.press("esc")
		p.see("nothing was changed", "▸ orders")
		p.press("U")
		p.see("no entry of its history has moved it; there is nothing to undo", "Enter back")
		p.press("enter")
		p.see("▸ orders")
		p.at(at(1000), 1)
	})
}

// TestLateAnswers: the answer to a dialog that was left is not taken for one to the next.
func TestLateAnswers(t *testing.T) {
	sit(t, consumer, func(p *person) {
		p.open(Options{Write: true})
		p.press("R", "5")
		for _, key := range []tea.KeyPressMsg{{Code: tea.KeyEnter}, {Code: tea.KeyEscape}, {Code: 'R', Text: "R"}} {
			p.send(key) // before the store answers
		}
		p.settle()
		p.see("Where to?")
		p.doNotSee("effect")
	})
}

// TestLeftInDoubt: who leaves while the store makes a rewind is told that it may be made.
func TestLeftInDoubt(t *testing.T) {
	sit(t, consumer, func(p *person) {
		p.open(Options{Write: true, Reason: "INC-7"})
		p.press("R", "5", "enter")
		p.typeText("orders")
		p.press("enter")
		if err := inDoubt(p.model); err != nil {
			p.Error(err)
		}
		p.send(tea.KeyPressMsg{Code: tea.KeyEnter})
		p.send(tea.KeyPressMsg{Code: tea.KeyEscape}) // changes nothing: the store has it
		if err := inDoubt(p.model); err == nil {
			p.Error("a rewind that is under way leaves no doubt")
		}
		p.settle()
		if err := inDoubt(p.model); err != nil {
			p.Error(err)
		}
		p.at(at(5), 2)
	})
}
