// Package driver defines what an engine implements so that a checkpoint.Store
// can keep checkpoints in it. It is for people who write engines; people who
// use one call checkpoint.New and never look in here.
//
// The Store does everything around a driver's call: it validates keys and options,
// logs, calls observers, flattens pages and turns per-key errors into its own. So
// a driver sees only keys, positions and durations that are in range, and has
// nothing to log.
//
// A [Driver] has five methods. Every other ability is a small interface that a
// driver may have: [Leaser], [Notifier], [Inspector], [Fencer], [RecordScanner], [Namer].
// Package cell has the rules of every change to a key: a driver loads the key's
// [Cell], lets cell decide, and stores the difference, all in one atomic step.
// Package storetest checks a driver against every rule stated here.
package driver

import (
	"context"
	"iter"
)

// A Driver keeps checkpoints, and one fence per key, in one engine.
//
// All methods may be called from any number of goroutines at once. No method keeps the
// slices it was given after it returns, and the caller owns the slices it gets back.
//
// Every method returns soon after its context ends, with an error that wraps ctx.Err(),
// even if the engine does not answer. The Store adds the cause.
//
// If the engine fails or cannot be reached, a method returns the engine's error. A
// method that cannot know an answer gives none: it returns no [ErrNotFound], no zero
// Record and no empty page.
type Driver interface {
	// Get reads the checkpoints of keys. The records stand in the order of the keys,
	// one for each. A key given twice is answered twice. The Err of a record is
	//
	//   - nil if there is a checkpoint;
	//   - [ErrNotFound] if there is no checkpoint, or it has expired;
	//   - [ErrCorruptCheckpoint] if the checkpoint is damaged;
	//   - the engine's error if it concerns this key alone.
	//
	// If Get itself returns an error, the error concerns all keys, and the records are
	// nil.
	Get(ctx context.Context, keys []string) ([]Record, error)

	// Write applies the writes. Each one is atomic by itself: comparing with what is
	// stored, checking and raising the fence, storing and setting the expiry are one
	// step that no other client sees half done. The batch as a whole is not atomic.
	// Writes to the same key are applied in the order in which they stand.
	//
	// The results stand in the order of the writes, one for each. The outcome is Failed
	// only if the write is known not to have landed. It is Unknown if the write may or
	// may not have landed. Both carry an Err. If Write itself returns an error, every
	// write is Unknown, and the results are nil. A driver does not send a write again
	// that may have landed, except an IfNewer, which changes nothing the second time.
	Write(ctx context.Context, writes []Write) ([]Result, error)

	// Delete removes the checkpoints of keys, damaged ones too, and reports how many
	// there were. A missing checkpoint is no error. Fences stay. After an error the
	// count says how many are known to be gone. Without keys Delete succeeds once all
	// earlier changes are as durable as the driver promises.
	Delete(ctx context.Context, keys []string) (int, error)

	// Scan yields the keys that match pattern (see [MatchPattern]) in pages of about
	// pageSize, in any order, each key exactly once. A key that is present from the
	// first page to the last is never missed. A key that comes or goes meanwhile may be
	// missed. Scan yields the keys of damaged checkpoints, but neither those of expired
	// ones nor anything else that the driver stores.
	//
	// Memory stays bounded except for the set of keys seen, and no step blocks the
	// engine for longer than a page takes. An error is the last pair of the sequence,
	// with a nil page. To break out of the loop stops the work, and nothing more is
	// yielded. [Pages] does this for an engine that finds all keys at once.
	Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error]

	// Close releases what the driver holds. The Store calls it once. A call that is
	// under way, or comes later, ends as it would have, or with [ErrClosed].
	Close() error
}
