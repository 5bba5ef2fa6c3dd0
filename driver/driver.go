// Package driver defines the interfaces that an engine implements, so that a
// checkpoint.Store can keep checkpoints in the engine. It is for people who write
// engines. People who use an engine call checkpoint.New, and need nothing of this
// package.
//
// The Store does everything around a driver's call: it validates keys and options,
// logs, calls observers, yields the items of pages one by one, and turns per-key errors
// into its own. So a driver gets only keys, positions and durations that are in range,
// and has nothing to log.
//
// A [Driver] has five methods. Every other ability is a small interface that a driver may
// have: [Leaser], [LeaseReader], [Notifier], [Inspector], [Fencer], [Historian],
// [Sampler], [Adopter], [Reporter], [RecordScanner], [TTLUnit], [Namer].
//
// Package cell has the rules of every change to a key: a driver loads the key's
// [Cell], lets cell decide, and stores the difference, all in one atomic step.
// Package storetest checks a driver against these rules, as far as a test can.
package driver

import (
	"context"
	"iter"
)

// A Driver keeps checkpoints, and one fence per key, in one engine.
//
// All methods may be called from any number of goroutines at once. No method keeps its
// slice arguments after it returns, and the caller owns the slices that it gets back.
//
// Every method returns soon after its context ends, with an error that wraps ctx.Err(),
// even if the engine does not answer. The Store adds the cause.
//
// If the engine fails or cannot be reached, a method returns the engine's error. It does
// not guess: it returns no [ErrNotFound], no zero Record and no empty page.
type Driver interface {
	// Get reads the checkpoints of keys. It returns one record for each key, in the
	// order of the keys. A key that stands twice in keys gets two records. The Err of a
	// record is
	//
	//   - nil if there is a checkpoint;
	//   - [ErrNotFound] if there is no checkpoint, or it has expired;
	//   - [ErrCorruptCheckpoint] if the checkpoint is damaged;
	//   - the engine's error if it concerns this key alone.
	//
	// If Get itself returns an error, the error concerns all keys, and the records are
	// nil.
	Get(ctx context.Context, keys []string) ([]Record, error)

	// Write applies the writes. Each write is atomic: the driver compares positions,
	// checks and raises the fence, stores the position and sets the expiry in one step
	// that no other client sees half done. The batch as a whole is not atomic. The
	// driver applies writes to the same key in the order in which they stand.
	//
	// Write returns one result for each write, in the order of the writes. The outcome
	// is Failed only if the driver knows that the write has not landed. It is Unknown if
	// the write may or may not have landed. Both carry an Err. If Write itself returns
	// an error, every write is Unknown, and the results are nil. If a write may have
	// landed, the driver does not send it again. This holds for an IfNewer, too: if
	// others write in between, the second answer would be Stale for a write that has
	// landed.
	Write(ctx context.Context, writes []Write) ([]Result, error)

	// Delete removes the checkpoints of keys, damaged ones too, and returns how many it
	// removed. A missing checkpoint is no error. Fences stay. After an error the count
	// says how many the driver knows to be gone. Without keys, Delete waits until all
	// earlier changes are as durable as the driver promises.
	Delete(ctx context.Context, keys []string) (int, error)

	// Scan yields the keys that match pattern (see [MatchPattern]) in pages of about
	// pageSize, in any order, each key exactly once. Scan never misses a key that is
	// present from the first page to the last. It may miss a key that comes or goes
	// meanwhile. Scan yields the keys of damaged checkpoints, but neither the keys of
	// expired checkpoints nor anything else that the driver stores.
	//
	// Memory stays bounded, except for the set of keys that Scan has seen. No step blocks
	// the engine for longer than a page takes. An error is the last pair of the sequence,
	// with a nil page. If the caller breaks out of the loop, Scan stops its work, and
	// yields nothing more. [Pages] does all this for an engine that finds all keys at
	// once.
	Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error]

	// Close releases the driver's resources. The Store calls it once. Other calls, under
	// way or later, end as they would without the Close, or with [ErrClosed].
	Close() error
}
