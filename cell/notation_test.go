package cell_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// now is the moment at which every case happens. Times in the table are relative
// to it.
var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// words reads a line of the table.
type words struct {
	left []string
	err  error
}

func (w *words) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *words) next() string {
	if len(w.left) == 0 {
		w.fail("the line ends too early")
		return ""
	}
	word := w.left[0]
	w.left = w.left[1:]
	return word
}

// take reports whether the next word is the given one, and if so goes past it.
func (w *words) take(word string) bool {
	if len(w.left) == 0 || w.left[0] != word {
		return false
	}
	w.left = w.left[1:]
	return true
}

func (w *words) number() uint64 {
	word := w.next()
	if word == "max" {
		return 1<<64 - 1
	}
	if word == "max-1" {
		return 1<<64 - 2
	}
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		w.fail("%q is no number", word)
	}
	return n
}

func (w *words) duration() time.Duration {
	word := w.next()
	d, err := time.ParseDuration(word)
	if err != nil {
		w.fail("%q is no duration", word)
	}
	return d
}

func (w *words) time() time.Time { return now.Add(w.duration()) }

func (w *words) position() driver.Position {
	word := w.next()
	p, err := driver.ParsePosition(word)
	if err != nil {
		w.fail("%q is no position", word)
	}
	return p
}

// mark reads what may follow a position.
func (w *words) mark(m *driver.Mark) {
	for w.err == nil {
		switch {
		case w.take("epoch"):
			m.Epoch = w.number()
		case w.take("log"):
			m.LogID = w.next()
		default:
			return
		}
	}
}

// parseCell reads "checkpoint 7/3 epoch 2 | fence 2 | lease a epoch 2 until 9s".
func parseCell(text string) (driver.Cell, error) {
	c := driver.Cell{Key: "k"}
	if text == "nothing" {
		return c, nil
	}
	for part := range strings.SplitSeq(text, "|") {
		w := &words{left: strings.Fields(part)}
		damaged := w.take("damaged")
		switch kind := w.next(); kind {
		case "checkpoint":
			w.checkpoint(&c.Checkpoint, damaged)
		case "fence":
			if damaged {
				c.Fence.Err = driver.DamagedFence("as the table says")
				break
			}
			c.Fence.Epoch = w.number()
			if w.take("raised") {
				c.Fence.RaisedAt = w.time()
			}
		case "lease":
			w.lease(&c.Lease, damaged)
		default:
			w.fail("%q is no part of a cell", kind)
		}
		if w.err == nil && len(w.left) > 0 {
			w.fail("%q is not understood", w.left)
		}
		if w.err != nil {
			return c, fmt.Errorf("%q: %w", strings.TrimSpace(part), w.err)
		}
	}
	return c, nil
}

func (w *words) checkpoint(c *driver.StoredCheckpoint, damaged bool) {
	c.Exists = true
	if damaged {
		c.Err = driver.DamagedCheckpoint("as the table says")
	} else {
		c.Position = w.position()
	}
	w.mark(&c.Mark)
	if w.take("expires") {
		c.ExpiresAt = w.time()
	}
}

func (w *words) lease(l *driver.StoredLease, damaged bool) {
	l.Key = "k"
	if damaged {
		l.Err = driver.DamagedLease("as the table says")
	}
	if !damaged || len(w.left) > 0 {
		l.Owner = w.next()
	}
	if w.take("epoch") {
		l.Epoch = w.number()
	}
	if w.take("until") {
		l.ExpiresAt = w.time()
	}
	if w.take("of") {
		l.TTL = w.duration()
	}
}

// showCell writes what parseCell reads.
func showCell(c driver.Cell) string {
	var parts []string
	if s := c.Checkpoint; s.Exists {
		text := fmt.Sprintf("checkpoint %d/%d", s.Position.Commit, s.Position.Prepare)
		if s.Err != nil {
			text = "damaged checkpoint"
		}
		text += showNumber(" epoch ", s.Epoch)
		if s.LogID != "" {
			text += " log " + s.LogID
		}
		parts = append(parts, text+showTime(" expires ", s.ExpiresAt))
	}
	switch f := c.Fence; {
	case f.Err != nil:
		parts = append(parts, "damaged fence")
	case f.Epoch != 0:
		parts = append(parts, "fence"+showNumber(" ", f.Epoch)+showTime(" raised ", f.RaisedAt))
	}
	if l := c.Lease; l.Exists() {
		text := "lease"
		if l.Err != nil {
			text = "damaged lease"
		}
		if l.Owner != "" {
			text += " " + l.Owner
		}
		text += showNumber(" epoch ", l.Epoch) + showTime(" until ", l.ExpiresAt)
		if l.TTL != 0 {
			text += " of " + l.TTL.String()
		}
		parts = append(parts, text)
	}
	if parts == nil {
		return "nothing"
	}
	return strings.Join(parts, " | ")
}

func showNumber(before string, n uint64) string {
	switch n {
	case 0:
		return ""
	case 1<<64 - 1:
		return before + "max"
	case 1<<64 - 2:
		return before + "max-1"
	}
	return before + strconv.FormatUint(n, 10)
}

func showTime(before string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return before + t.Sub(now).String()
}

func showError(err error) string {
	var held *driver.LeaseHeldError
	switch {
	case errors.As(err, &held):
		return fmt.Sprintf("held by %s until %s", held.Owner, held.ExpiresAt.Sub(now))
	case errors.Is(err, driver.ErrNotFound):
		return "not found"
	case errors.Is(err, driver.ErrCorruptCheckpoint):
		return "damaged checkpoint"
	case errors.Is(err, driver.ErrCorruptFence):
		return "damaged fence"
	case errors.Is(err, driver.ErrCorruptLease):
		return "damaged lease"
	case errors.Is(err, driver.ErrEpochExhausted):
		return "epoch exhausted"
	case errors.Is(err, driver.ErrFenced):
		return "fenced"
	}
	return fmt.Sprint("unexpected error: ", err)
}

// do does what a line of the table says to c.
func do(c cell.Cell, line string) (after cell.Cell, answer string, err error) {
	w := &words{left: strings.Fields(line)}
	verb := w.next()
	switch mode, isWrite := modes[verb]; {
	case isWrite:
		after, answer = w.write(c, mode)
	case verb == "get":
		after, answer = c, showRecord(c.Record(now))
	case verb == "delete":
		var there bool
		after, there = c.Delete(now)
		answer = map[bool]string{true: "deleted", false: "nothing to delete"}[there]
	case verb == "raise":
		var fence uint64
		var failure error
		after, fence, failure = c.RaiseFence(w.number(), now)
		if answer = "raised to" + showNumber(" ", fence); failure != nil {
			answer = showError(failure)
		} else if fence == 0 {
			answer = "nothing to raise"
		}
	case verb == "forget":
		var released bool
		after, released = c.ReleaseFence(w.duration(), now)
		answer = map[bool]string{true: "forgotten", false: "kept"}[released]
	default:
		after, answer = w.lend(c, verb)
	}
	if w.err == nil && len(w.left) > 0 {
		w.fail("%q is not understood", w.left)
	}
	return after, answer, w.err
}

var modes = map[string]driver.Mode{"set": driver.Set, "ifNewer": driver.IfNewer, "rewind": driver.Rewind, "touch": driver.Touch}

func (w *words) write(c cell.Cell, mode driver.Mode) (cell.Cell, string) {
	write := driver.Write{Key: "k", Mode: mode, Mark: driver.Mark{UpdatedAt: now}}
	if mode != driver.Touch {
		write.Position = w.position()
	}
	w.mark(&write.Mark)
	if w.take("for") {
		write.TTL = w.duration()
	}
	after, r := c.Write(write, now)
	switch {
	case r.Err != nil:
		return after, r.Outcome.String() + ": " + showError(r.Err)
	case r.Outcome == driver.Fenced:
		return after, "fenced" + showNumber(" by ", r.Epoch)
	}
	return after, r.Outcome.String()
}

var lending = map[string]func(cell.Cell, driver.Lease, time.Time) (cell.Cell, driver.LeaseResult){
	"acquire": cell.Cell.Acquire, "renew": cell.Cell.Renew, "release": cell.Cell.Release,
}

func (w *words) lend(c cell.Cell, verb string) (cell.Cell, string) {
	l := driver.Lease{Key: "k", Owner: w.next()}
	if w.take("epoch") {
		l.Epoch = w.number()
	}
	if w.take("for") {
		l.TTL = w.duration()
	}
	rule, ok := lending[verb]
	if !ok {
		w.fail("%q is no operation", verb)
		return c, ""
	}
	after, r := rule(c, l, now)
	switch {
	case r.Err != nil:
		return after, showError(r.Err)
	case verb == "release":
		return after, "released"
	}
	return after, fmt.Sprintf("granted%s until %s", showNumber(" epoch ", r.Lease.Epoch), r.Lease.ExpiresAt.Sub(now))
}

func showRecord(r driver.Record) string {
	if r.Err != nil {
		return showError(r.Err)
	}
	return showCell(driver.Cell{Checkpoint: driver.StoredCheckpoint{Exists: true, Mark: r.Mark, ExpiresAt: r.ExpiresAt}})
}
