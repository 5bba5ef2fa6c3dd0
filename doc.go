// Package checkpoint stores how far the consumers of an event log have got,
// so that each consumer resumes where it stopped. It skips no event, and repeats
// only the events since its last checkpoint.
//
// A [Store] keeps one [Checkpoint] for each key. It reaches an engine through a
// driver: SQLite (package sqlitestore), Redis (redisstore), PostgreSQL (pgstore), etcd
// (etcdstore), or memory for tests (memstore). Package storetest checks that all engines
// give the same answers.
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
//		return err // damaged or out of reach: do not start over
//	default:
//		resumeAfter(cp.Position)
//	}
//
//	// when the work up to p is done, and not before:
//	updated, err := store.SetIfNewer(ctx, "order-processor", p)
//
// # What holds
//
// [Store.SetIfNewer] compares and stores in one atomic step, over the full 64
// bits of commit and prepare. So it never moves a checkpoint backwards, however
// many instances call it.
//
// Missing, damaged and unreachable are three answers: [ErrNotFound],
// [ErrCorrupt], and the engine's own error. No method turns one into another.
//
// A write may carry an epoch, a number that only grows, for instance the epoch of
// a lease. The Store remembers the highest epoch that the key has seen: the key's
// fence. A write with an epoch below the fence fails with [ErrFenced]. A write
// without an epoch is not fenced. [Store.Rewind] sets a position and raises the fence,
// also while the consumer runs: an instance that still writes with the old epoch
// fails, and cannot undo the rewind. [Store.Acquire] grants a lease, which has an
// epoch, to one instance of a consumer. Package subscription runs a consumer's loop,
// and uses all of this for it.
package checkpoint
