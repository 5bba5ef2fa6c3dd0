package storetest_test

import (
	"context"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

type adoption = func(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error

// adopted changes how a driver adopts.
func adopted(change func(f *faulty, sound adoption) adoption) func(*faulty) {
	return func(f *faulty) { f.adopt = change(f, f.mem.Adopt) }
}

// Who loses the past of a key, or puts another in its place.
var adoptFaults = []fault{
	{"adopts nothing", []string{"adopt/history", "adopt/many", "adopt/once", "adopt/then"}, adopted(func(_ *faulty, _ adoption) adoption {
		return func(context.Context, string, []driver.AuditEntry, []driver.Sample) error { return nil }
	})},
	{"adopts no samples", []string{"adopt/history", "adopt/many"}, adopted(func(_ *faulty, sound adoption) adoption {
		return func(ctx context.Context, key string, entries []driver.AuditEntry, _ []driver.Sample) error {
			return sound(ctx, key, entries, nil)
		}
	})},
	{"adopts 255 entries", []string{"adopt/many"}, adopted(func(_ *faulty, sound adoption) adoption {
		return func(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error {
			return sound(ctx, key, entries[:min(len(entries), 255)], samples)
		}
	})},
	{"adopts the latest entry as the first", []string{"adopt/history"}, adopted(func(_ *faulty, sound adoption) adoption {
		return func(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error {
			entries = slices.Clone(entries)
			slices.Reverse(entries)
			return sound(ctx, key, entries, samples)
		}
	})},
	{"adopts again", []string{"adopt/once"}, adopted(func(f *faulty, sound adoption) adoption {
		return func(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error {
			f.mem.Forget(key)
			return sound(ctx, key, entries, samples)
		}
	})},
	{"adopts for good", []string{"adopt/gone"}, func(f *faulty) {
		var all []driver.AuditEntry
		f.adopt = func(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error {
			all = entries
			return f.mem.Adopt(ctx, key, entries, samples)
		}
		f.history = func(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
			entries, err := f.mem.History(ctx, key, n)
			if len(entries) == 0 {
				return all, err
			}
			return entries, err
		}
	}},
}
