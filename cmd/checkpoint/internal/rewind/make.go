package rewind

import (
	"context"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// Make makes the step, and returns the checkpoint that is stored then. The notes say what
// that did, and whom it locks out.
func (s Step) Make(
	ctx context.Context, store *checkpoint.Store, opts ...checkpoint.WriteOption,
) (c checkpoint.Checkpoint, notes []string, err error) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	now, key := time.Now(), s.Before.Key
	if c, err = store.Rewind(ctx, key, s.Position, opts...); err != nil {
		return c, nil, err
	}
	note("%q went from %s to %s", key, Standing(&s.Before), Place(c.Mark))
	notes = append(notes, s.missed(s.Replaced(ctx, store, c.Epoch))...)
	if out := LockedOut(&s.Before, now); out != "" {
		note("%s", out)
	}
	if Unfenced(&s.Before, now) {
		note("a consumer that writes without an epoch is not locked out, and undoes the change with its next write; " +
			"stop it, then rewind again")
	}
	// The stored checkpoint may have kept a log id, so read it back. If that fails, the
	// rewind is done all the same: return its own result, with the epoch that people need.
	if stored, err := store.Get(ctx, key); err == nil {
		if stored.Epoch == c.Epoch && stored.Position == c.Position {
			return stored, notes, nil
		}
		note("%q is already at %s: somebody has written to it since the rewind", key, Place(stored.Mark))
	}
	return c, notes, nil
}

// missed says that the key stood elsewhere when it was rewound, and that the rewind has
// skipped events.
func (s Step) missed(old *checkpoint.Position) (notes []string) {
	key := s.Before.Key
	if old == nil {
		return nil
	}
	if s.sound() && *old != s.Before.Checkpoint.Position {
		notes = append(notes, fmt.Sprintf("%q had moved to %s meanwhile", key, *old))
	}
	if s.Position.Compare(*old) > 0 {
		notes = append(notes, fmt.Sprintf("nobody will do the events of %q after %s, up to %s; `checkpoint rewind` to %[2]s brings them back",
			key, *old, s.Position))
	}
	return notes
}

// Replaced returns the position that a rewind has replaced, which may be another than the
// planned one: a consumer may have gone on. It is nil if there was none. It is the planned
// one if the store keeps no audit entries.
func (s Step) Replaced(ctx context.Context, store *checkpoint.Store, epoch uint64) *checkpoint.Position {
	entries, err := store.History(ctx, s.Before.Key, 1)
	if err == nil && len(entries) == 1 && entries[0].NewEpoch == epoch {
		return entries[0].Old
	}
	if !s.sound() {
		return nil
	}
	return new(s.Before.Checkpoint.Position)
}
