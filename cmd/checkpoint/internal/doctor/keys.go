package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/driver"
)

// LongEnded is how long ago a lease must have ended to be worth a warning. Clocks are not
// so far apart.
const LongEnded = 24 * time.Hour

// Keys are some keys. A report shows the first of them.
type Keys struct {
	n     int
	first []string
}

const shown = 10

// Add adds a key.
func (k *Keys) Add(key string) {
	if k.n++; k.n <= shown {
		k.first = append(k.first, fmt.Sprintf("%q", key))
	}
}

// Len returns how many keys there are.
func (k *Keys) Len() int { return k.n }

func (k *Keys) String() string {
	text := strings.Join(k.first, ", ")
	if k.n > shown {
		text += fmt.Sprintf(" and %d more", k.n-shown)
	}
	return text
}

// A census counts what is stored.
type census struct {
	checkpoints, fences, held          int
	damaged, badFences, badLeases, odd Keys
	ended, orphans                     Keys
	beyond, trimmed                    Keys
	histories, reports                 Keys
}

// Contents reports what is damaged or left over in the store.
func Contents(ctx context.Context, d driver.Driver, r *Report) {
	store := checkpoint.New(d, &checkpoint.Options{Logger: slog.New(slog.DiscardHandler)})
	var c census
	for cell, err := range transfer.Cells(ctx, store, "*") {
		if err != nil {
			r.Broken("checkpoints", err, "repair what the error names, and run doctor again")
			return
		}
		c.add(&cell, time.Now())
	}
	c.checkpointLines(r)
	if _, err := driver.Inspect(ctx, d, nil); errors.Is(err, driver.ErrUnsupported) {
		r.Warn("fences", "this store has no fences, so a former owner may still write", "move to a store with fences: `checkpoint copy`")
		return
	}
	c.fenceLines(r)
	c.leaseLines(r)
	c.logLines(ctx, store, r)
}

// logLines reports the consumers whose positions are not in their logs, as far as their
// instances know.
func (c *census) logLines(ctx context.Context, store *checkpoint.Store, r *Report) {
	rows, err := watch.Rules{}.Snapshot(ctx, store, "*")
	if err != nil {
		r.Broken("logs", err, "repair what the error names, and run doctor again")
		return
	}
	asked := 0
	for _, row := range rows {
		if w := row.Worker; w != nil && w.Head != nil {
			asked++
		}
		switch {
		case errors.Is(row.Err, checkpoint.ErrCorruptHistory):
			c.histories.Add(row.Key)
		case row.Err != nil:
			c.reports.Add(row.Key)
		}
		switch row.State {
		case watch.Beyond:
			c.beyond.Add(row.Key)
		case watch.Trimmed:
			c.trimmed.Add(row.Key)
		}
	}
	c.besideLines(r)
	if c.beyond.Len() > 0 {
		r.Fail("logs", fmt.Sprintf("%s beyond the head of the log: %s", Counted(c.beyond.Len(), "consumer is", "consumers are"), &c.beyond),
			"the log has lost its end, or is another one: restore it, or `checkpoint rewind KEY POSITION`")
	}
	if c.trimmed.Len() > 0 {
		r.Fail("logs", fmt.Sprintf("%s before the first event of the log, and events are gone: %s", Counted(c.trimmed.Len(), "consumer is", "consumers are"), &c.trimmed),
			"restore the log, or let the consumer go on without them by Options.AcceptTrimmed")
	}
	if c.beyond.Len()+c.trimmed.Len() == 0 {
		r.OK("logs", "%s the log's head, and no position is outside of its log", Counted(asked, "consumer tells", "consumers tell"))
	}
}

// besideLines reports what is damaged beside the keys' cells.
func (c *census) besideLines(r *Report) {
	if c.histories.Len() > 0 {
		r.Fail("history", fmt.Sprintf("%s damaged: %s", Counted(c.histories.Len(), "history is", "histories are"), &c.histories),
			transfer.HistoryRemedy+"; `checkpoint history KEY` says what is wrong")
	}
	if c.reports.Len() > 0 {
		r.Fail("reports", fmt.Sprintf("%s a report that cannot be read: %s", Counted(c.reports.Len(), "key has", "keys have"), &c.reports),
			"the instance's next report replaces it; if the instance is gone, remove the report with the engine's own tool; `checkpoint status -o json KEY` says what is wrong")
	}
}

func (c *census) add(cell *checkpoint.Cell, now time.Time) {
	if cell.Checkpoint.Exists {
		c.checkpoints++
	}
	if cell.Fence.Exists() {
		c.fences++
	}
	if checkpoint.ValidateKey(cell.Key) != nil {
		c.odd.Add(cell.Key)
	}
	wrong := transfer.Damage(cell)
	for _, of := range []struct {
		damage error
		keys   *Keys
	}{
		{checkpoint.ErrCorruptCheckpoint, &c.damaged},
		{checkpoint.ErrCorruptFence, &c.badFences},
		{checkpoint.ErrCorruptLease, &c.badLeases},
	} {
		if errors.Is(wrong, of.damage) {
			of.keys.Add(cell.Key)
		}
	}
	c.addLease(cell, now)
}

func (c *census) addLease(cell *checkpoint.Cell, now time.Time) {
	l := cell.Lease
	valid := l.Exists() && l.Err == nil && l.Epoch == cell.Fence.Epoch
	switch held := valid && l.ExpiresAt.After(now); {
	case held:
		c.held++
	case cell.Fence.Exists() && !cell.Checkpoint.Exists:
		c.orphans.Add(cell.Key)
	case valid && now.Sub(l.ExpiresAt) > LongEnded:
		c.ended.Add(cell.Key)
	}
}

func (c *census) checkpointLines(r *Report) {
	if c.damaged.Len() > 0 {
		r.Fail("checkpoints", fmt.Sprintf("%s damaged: %s", Counted(c.damaged.Len(), "checkpoint is", "checkpoints are"), &c.damaged),
			transfer.CheckpointRemedy+"; `checkpoint list` says what is wrong")
	} else {
		r.OK("checkpoints", "%s, none is damaged", Counted(c.checkpoints, "checkpoint", "checkpoints"))
	}
	if c.odd.Len() > 0 {
		r.Warn("keys", fmt.Sprintf("%s invalid, and no call can name them: %s", Counted(c.odd.Len(), "key is", "keys are"), &c.odd),
			"`checkpoint clear` with a pattern removes them")
	}
}

func (c *census) fenceLines(r *Report) {
	if c.badFences.Len() > 0 {
		r.Fail("fences", fmt.Sprintf("%s damaged: %s", Counted(c.badFences.Len(), "fence is", "fences are"), &c.badFences), transfer.FenceRemedy)
	} else {
		r.OK("fences", "%s, none is damaged", Counted(c.fences, "fence", "fences"))
	}
	if c.orphans.Len() > 0 {
		r.OK("orphans", "%s without a checkpoint: %s", Counted(c.orphans.Len(), "fence stands", "fences stand"), &c.orphans)
	} else {
		r.OK("orphans", "no fence stands without a checkpoint")
	}
}

func (c *census) leaseLines(r *Report) {
	if c.badLeases.Len() > 0 {
		r.Fail("leases", fmt.Sprintf("%s damaged: %s", Counted(c.badLeases.Len(), "lease is", "leases are"), &c.badLeases), transfer.LeaseRemedy)
	}
	if c.ended.Len() > 0 {
		r.Warn("leases", fmt.Sprintf("%s more than a day ago, and nobody has taken over: %s", Counted(c.ended.Len(), "lease ended", "leases ended"), &c.ended),
			"start the consumer, or `checkpoint delete KEY` if it is no longer needed")
	}
	if c.badLeases.Len()+c.ended.Len() == 0 {
		r.OK("leases", "%s held, none is damaged", Counted(c.held, "lease is", "leases are"))
	}
}

// Counted returns a number and its words.
func Counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
