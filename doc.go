// Package checkpoint stores how far the consumers of an event log have got,
// so that each resumes where it stopped: nothing skipped, and nothing replayed
// but what was in flight.
//
// A [Store] keeps one [Checkpoint] for each key. It works over an engine that
// a driver makes available: Redis (package redisstore), SQLite (sqlitestore),
// or memory for tests (memstore). All engines give the same answers; package
// storetest holds them to it.
//
//	driver, err := sqlitestore.Open(ctx, "checkpoints.db", nil)
//	if err != nil {
//		return err
//	}
//	store := checkpoint.New(driver, nil)
//	defer store.Close()
//
//	cp, err := store.Get(ctx, "order-processor")
//	switch {
//	case errors.Is(err, checkpoint.ErrNotFound):
//		// the first run: start where this consumer should start
//	case err != nil:
//		return err // damaged or out of reach, and so not a reason to start over
//	default:
//		resumeAfter(cp.Position)
//	}
//
//	// when the work up to p is done, and not before:
//	updated, err := store.SetIfNewer(ctx, "order-processor", p)
//
// # What holds
//
// SetIfNewer compares and stores in one atomic step, over the full 64 bits of
// commit and prepare, so that a checkpoint never goes backwards, however many
// instances write it.
//
// Missing, damaged and unreachable are three answers: [ErrNotFound],
// [ErrCorrupt], and the engine's own error. No method turns one into another.
//
// A write may carry an epoch, a number that only grows, for instance that of a
// lease. One that carries less than the key has seen is refused with
// [ErrFenced]. [Store.Rewind] uses this to reset a consumer that is running:
// an instance that still writes with the old epoch fails, and cannot undo it.
// [Store.Acquire] grants one instance of a consumer a lease, which has an epoch.
// Package subscription is a consumer's loop over all of this.
package checkpoint
