package storetest_test

import (
	"context"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// writing changes the entry that a write leaves. Before is the cell that the write found.
func writing(change func(before cell.Cell, w driver.Write, e *driver.AuditEntry) *driver.AuditEntry) func(*faulty) {
	return func(f *faulty) {
		f.rule.writeEntry = func(before, after cell.Cell, w driver.Write, r driver.Result, now time.Time) *driver.AuditEntry {
			return change(before, w, cell.WriteEntry(&before, &after, &w, r, now))
		}
	}
}

// eachEntry changes each entry of a write.
func eachEntry(change func(e *driver.AuditEntry)) func(*faulty) {
	return writing(func(_ cell.Cell, _ driver.Write, e *driver.AuditEntry) *driver.AuditEntry {
		if e != nil {
			change(e)
		}
		return e
	})
}

// asWritten is the entry of a write that has landed, whatever became of it.
func asWritten(before, after cell.Cell, w driver.Write, now time.Time) *driver.AuditEntry {
	if w.By == nil {
		w.By = new(driver.By)
	}
	return cell.WriteEntry(&before, &after, &w, driver.Result{Outcome: driver.Advanced}, now)
}

// recalling changes what History finds.
func recalling(change func(f *faulty, key string, entries []driver.AuditEntry, n int) []driver.AuditEntry) func(*faulty) {
	return func(f *faulty) {
		f.history = func(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
			entries, err := f.mem.History(ctx, key, driver.AuditEntries)
			if err != nil {
				return nil, err
			}
			return change(f, key, entries, n), nil
		}
	}
}

// Who forgets what was changed, or tells it wrongly.
var auditFaults = []fault{
	{
		"leaves no entry of a Set",
		[]string{"audit/set", "audit/latest", "audit/keys", "audit/batch"},
		writing(func(_ cell.Cell, w driver.Write, e *driver.AuditEntry) *driver.AuditEntry {
			if w.Mode == driver.Set {
				return nil
			}
			return e
		}),
	},
	{
		"leaves no entry of a Rewind",
		[]string{"audit/rewind", "audit/race", "audit/gone"},
		writing(func(_ cell.Cell, w driver.Write, e *driver.AuditEntry) *driver.AuditEntry {
			if w.Mode == driver.Rewind {
				return nil
			}
			return e
		}),
	},
	{
		"leaves an entry of each IfNewer",
		[]string{"audit/quiet", "audit/batch"},
		func(f *faulty) {
			f.rule.writeEntry = func(before, after cell.Cell, w driver.Write, r driver.Result, now time.Time) *driver.AuditEntry {
				if w.By == nil {
					w.By = new(driver.By)
				}
				return cell.WriteEntry(&before, &after, &w, r, now)
			}
		},
	},
	{
		"leaves an entry of what was refused",
		[]string{"audit/refused"},
		func(f *faulty) {
			f.rule.writeEntry = func(before, after cell.Cell, w driver.Write, _ driver.Result, now time.Time) *driver.AuditEntry {
				return asWritten(before, after, w, now)
			}
		},
	},
	{"does not say by whom", []string{"audit/set", "audit/rewind", "audit/texts"}, eachEntry(func(e *driver.AuditEntry) { e.By = driver.By{} })},
	{"names no operation but the write's", []string{"audit/rewind"}, writing(func(_ cell.Cell, w driver.Write, e *driver.AuditEntry) *driver.AuditEntry {
		if e != nil && w.Mode == driver.Rewind {
			e.Op = driver.AuditRewind
		}
		return e
	})},
	{"swaps the positions", []string{"audit/set"}, eachEntry(func(e *driver.AuditEntry) { e.Old, e.New = e.New, e.Old })},
	{"takes no position for the zero position", []string{"audit/set", "audit/rewind"}, eachEntry(func(e *driver.AuditEntry) {
		if e.Old == nil {
			e.Old = new(driver.Position)
		}
	})},
	{"tells the old position of a damaged checkpoint", []string{"audit/set"}, writing(func(before cell.Cell, _ driver.Write, e *driver.AuditEntry) *driver.AuditEntry {
		if e != nil && before.Checkpoint.Err != nil {
			e.Old = new(before.Checkpoint.Position)
		}
		return e
	})},
	{"forgets the epochs", []string{"audit/set", "audit/rewind"}, eachEntry(func(e *driver.AuditEntry) { e.OldEpoch, e.NewEpoch = 0, 0 })},
	{"keeps positions as float64", []string{"audit/set"}, eachEntry(func(e *driver.AuditEntry) {
		if e.New != nil {
			e.New.Prepare = uint64(float64(e.New.Prepare / 2)) // the half, so that it fits
		}
	})},
	{"has no time", []string{"audit/set"}, eachEntry(func(e *driver.AuditEntry) { e.At = time.Time{} })},
	{"has a time of the local zone", []string{"audit/rewind"}, eachEntry(func(e *driver.AuditEntry) { e.At = e.At.In(time.FixedZone("local", 3600)) })},
	{
		"leaves no entry of a Delete",
		[]string{"audit/delete", "audit/gone"},
		func(f *faulty) {
			f.rule.deleteEntry = func(cell.Cell, cell.Cell, bool, driver.By, time.Time) *driver.AuditEntry { return nil }
		},
	},
	{
		"leaves an entry of a Delete that removed nothing",
		[]string{"audit/delete"},
		func(f *faulty) {
			f.rule.deleteEntry = func(before, after cell.Cell, _ bool, by driver.By, now time.Time) *driver.AuditEntry {
				return cell.DeleteEntry(before, after, true, by, now)
			}
		},
	},
	{
		"leaves an entry of a RaiseFence that changed nothing",
		[]string{"audit/fence"},
		func(f *faulty) {
			f.rule.raiseEntry = func(before, after cell.Cell, atLeast uint64, by driver.By, now time.Time) *driver.AuditEntry {
				e := cell.RaiseEntry(before, after, atLeast, by, now)
				if e == nil {
					e = &driver.AuditEntry{At: now.UTC().Truncate(time.Millisecond), Op: driver.AuditRevoke, By: by}
				}
				return e
			}
		},
	},
	{
		"takes each RaiseFence for a revocation",
		[]string{"audit/fence"},
		func(f *faulty) {
			f.rule.raiseEntry = func(before, after cell.Cell, _ uint64, by driver.By, now time.Time) *driver.AuditEntry {
				return cell.RaiseEntry(before, after, 0, by, now)
			}
		},
	},
	{
		"leaves no entry of a take-over",
		[]string{"audit/take-over"},
		func(f *faulty) {
			f.rule.acquireEntry = func(cell.Cell, cell.Cell, driver.LeaseResult, time.Time) *driver.AuditEntry { return nil }
		},
	},
	{
		"leaves an entry of each Acquire",
		[]string{"audit/take-over"},
		func(f *faulty) {
			f.rule.acquireEntry = func(before, after cell.Cell, r driver.LeaseResult, now time.Time) *driver.AuditEntry {
				before.Lease.Owner = "somebody"
				return cell.AcquireEntry(before, after, r, now)
			}
		},
	},
	{"returns the first entries", []string{"audit/latest"}, recalling(func(_ *faulty, _ string, entries []driver.AuditEntry, n int) []driver.AuditEntry {
		return entries[max(0, len(entries)-n):]
	})},
	{"returns the latest entry last", []string{"audit/latest", "audit/rewind"}, recalling(func(_ *faulty, _ string, entries []driver.AuditEntry, n int) []driver.AuditEntry {
		entries = entries[:min(n, len(entries))]
		slices.Reverse(entries)
		return entries
	})},
	{"keeps 255 entries", []string{"audit/latest"}, recalling(func(_ *faulty, _ string, entries []driver.AuditEntry, n int) []driver.AuditEntry {
		return entries[:min(n, len(entries), 255)]
	})},
	{"mixes the entries of keys", []string{"audit/keys"}, func(f *faulty) {
		f.history = func(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
			if key == "K" {
				key = "k"
			}
			return f.mem.History(ctx, key, n)
		}
	}},
	{"cuts the texts", []string{"audit/texts"}, eachEntry(func(e *driver.AuditEntry) { e.Reason = e.Reason[:min(len(e.Reason), 255)] })},
	{
		"notes what it read before the step",
		[]string{"audit/race"},
		func(f *faulty) {
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				cells, err := f.mem.Inspect(ctx, []string{writes[0].Key})
				if err != nil {
					return nil, err
				}
				time.Sleep(time.Millisecond)
				trace := func(_, after cell.Cell, w driver.Write, r driver.Result, now time.Time) memstore.Trace {
					before := cell.Cell(cells[0])
					return memstore.Trace{Entry: cell.WriteEntry(&before, &after, &w, r, now)}
				}
				return each(ctx, f, writes, func(w driver.Write) string { return w.Key }, trace, f.rule.write)
			}
		},
	},
	{"forgets the entries with the checkpoint", []string{"audit/gone", "audit/delete"}, recalling(func(f *faulty, key string, entries []driver.AuditEntry, n int) []driver.AuditEntry {
		if r, err := f.mem.Get(context.Background(), []string{key}); err != nil || r[0].Err != nil {
			return nil
		}
		return entries[:min(n, len(entries))]
	})},
	{"never forgets the entries and samples", []string{"audit/gone", "samples/gone"}, func(f *faulty) { f.forgetTraces = func(string) {} }},
	{"finds no entries in an outage", []string{"audit/outage"}, func(f *faulty) {
		f.history = func(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
			entries, _ := f.mem.History(ctx, key, n)
			return entries, nil
		}
	}},
}
