package checkpoint

import (
	"context"
	"time"
)

// An Observer is told of every call of a [Store], for metrics and traces. Its
// methods are called on the caller's goroutine, concurrently for concurrent
// calls, and should return quickly.
type Observer interface {
	// CallStart is called before the engine is. The context that it returns is
	// the one that the engine and CallEnd see; it must descend from ctx.
	CallStart(ctx context.Context, call Call) context.Context

	// CallEnd is called once for each CallStart, when the call has ended. For
	// Scan and GetAll that is when the loop has.
	CallEnd(ctx context.Context, call Call, result CallResult)
}

// A Call is one call of a [Store]'s method.
type Call struct {
	Component string // the engine's store: "RedisCheckpointStore"
	Op        string // the method: "get", "setIfNewer", "getAll"
	Key       string // of a method that concerns one key, and that of a damaged one that ended GetAll
	Pattern   string // of Scan, GetAll and Clear, else ""
	Size      int    // how many keys or writes were given: 1 where Key is set
}

// A CallResult is how a [Call] ended.
type CallResult struct {
	Duration time.Duration
	Outcome  Outcome // of Set, SetIfNewer, Rewind and Touch, else Unknown
	Count    int     // how many checkpoints were found, written or removed
	Refused  int     // how many writes were stale or fenced, or renewals fenced
	Failed   int     // how many writes or leases are known to have failed
	Unknown  int     // how many writes may or may not have landed
	Err      error   // as the method returns it
}

func (r *CallResult) count(o Outcome) {
	switch o {
	case Advanced, Unchanged:
		r.Count++
	case Stale, Fenced:
		r.Refused++
	case Failed:
		r.Failed++
	case Unknown:
		r.Unknown++
	}
}
