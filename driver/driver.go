// Package driver defines what an engine implements so that a checkpoint.Store
// can keep checkpoints in it. It is for people who write engines; people who
// use one call checkpoint.New and never look in here.
//
// A Store validates keys and options, logs, observes, flattens pages and turns
// per-key errors into its own before and after it calls a driver. A driver
// therefore sees only keys, positions and durations that are in range, and has
// nothing to log.
//
// Five methods are a [Driver]. Every other ability is a small interface that a
// driver may have: [Leaser], [Inspector], [Fencer], [RecordScanner], [Namer].
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
// All methods may be called from any number of goroutines at once. No method
// keeps the slices it was given after it returns, and the caller owns the
// slices it gets back.
//
// Every method returns soon after its context ends, with an error that wraps
// ctx.Err(), even if the engine does not answer. The Store adds the cause.
//
// An engine that fails or cannot be reached is always an error, and never an
// answer: a method that cannot know returns the engine's error, not
// [ErrNotFound], not a zero Record and not an empty page.
type Driver interface {
	// Get reads the checkpoints of keys. The records stand in the order of the
	// keys, one for each, and a key given twice is answered twice. A record's
	// Err is nil; [ErrNotFound] if there is no checkpoint, or it has expired;
	// [ErrCorruptCheckpoint] if the checkpoint is damaged; or the engine's error
	// for that key alone. An error returned beside the records concerns all of
	// them, and then the records are nil.
	Get(ctx context.Context, keys []string) ([]Record, error)

	// Write applies the writes. Each one is atomic by itself: comparing with
	// what is stored, checking and raising the fence, storing and setting the
	// expiry are one step that no other client sees half done. The batch as a
	// whole is not atomic. Writes to the same key are applied in the order in
	// which they stand.
	//
	// The results stand in the order of the writes, one for each. A result
	// says Failed only if the write is known not to have landed, and Unknown
	// if that cannot be told; both carry an Err. An error returned beside the
	// results means Unknown for every write, and then the results are nil. Once
	// a write may have landed the driver does not send it again, unless it is an
	// IfNewer, which changes nothing the second time.
	Write(ctx context.Context, writes []Write) ([]Result, error)

	// Delete removes the checkpoints of keys, damaged ones too, and reports
	// how many there were. A missing key is no error. Fences stay. After an
	// error the count says how many are known to be gone. Without keys it succeeds
	// once all earlier changes are as durable as the driver promises.
	Delete(ctx context.Context, keys []string) (int, error)

	// Scan yields the keys that match pattern (see [MatchPattern]) in
	// pages of about pageSize, in any order, each key exactly once. A key that
	// is present from the first page to the last is never missed; one that
	// comes or goes meanwhile may be. Damaged checkpoints are listed, expired
	// ones are not, and neither is anything else that the driver stores.
	// Memory stays bounded except for the set of keys seen, and no step blocks
	// the engine for longer than a page takes. An error ends the sequence as
	// its last pair, with a nil page; breaking out of the loop stops the work, and
	// nothing is yielded any more. [Pages] does so for an engine that finds all keys
	// at once.
	Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error]

	// Close releases what the driver holds. The Store calls it once. A call
	// that is under way, or comes later, ends as it would have or with
	// [ErrClosed].
	Close() error
}
