package checkpoint

import (
	"context"
	"time"
)

// An Observer hears what happens in the components that it is given to, for logs,
// metrics and traces. It implements the hooks that it wants, each a small interface:
// [CallStarter] and [CallEnder] are those of a [Store], and package subscription
// has others. An Observer with none of a component's hooks hears nothing of that
// component, which is no error: one value can serve several components.
//
// A component calls the hooks in the order of its list of observers, and skips a nil
// one. Hooks are called concurrently for concurrent calls. They must return soon,
// since their caller waits for them.
type Observer any

// A CallStarter is an [Observer] that hears of each call of a [Store] as it begins.
type CallStarter interface {
	// CallStart is called on the caller's goroutine, before the engine is. It
	// returns ctx, or a context that descends from it. The next observer gets that
	// context, then the engine, and each CallEnd the last of them. So an observer
	// keeps what is its own under a key of its own.
	CallStart(ctx context.Context, call Call) context.Context
}

// A CallEnder is an [Observer] that hears of each call of a [Store] as it ends.
type CallEnder interface {
	// CallEnd is called once for each call, on the caller's goroutine. For Scan,
	// GetAll and InspectAll that is when the loop ends.
	CallEnd(ctx context.Context, call Call, result CallResult)
}

// HooksOf returns those of observers that have the hook H. It is for components
// with hooks of their own.
func HooksOf[H any](observers []Observer) []H {
	var hooks []H
	for _, o := range observers {
		if h, ok := o.(H); ok {
			hooks = append(hooks, h)
		}
	}
	return hooks
}

// A Call is one call of a [Store]'s method.
type Call struct {
	Engine  string // the driver's name, such as "Redis"; "" if it has none
	Op      string // the method: "get", "setIfNewer", "getAll"
	Key     string // of a method that concerns one key; otherwise ""
	Pattern string // of Scan, GetAll, Clear, InspectAll and ReleaseFences; otherwise ""
	Size    int    // how many keys, writes or leases were given: 1 if Key is set
	Write   Write  // what Set, SetIfNewer, Rewind or Touch was given; otherwise zero
}

// A CallResult is how a [Call] ended. Count, Refused, Failed and Unknown count
// checkpoints, writes, leases, keys or fences, as the method has it.
type CallResult struct {
	Duration time.Duration
	Outcome  Outcome // of Set, SetIfNewer, Rewind and Touch; otherwise Unknown
	Count    int     // found, written, removed, granted or raised
	Refused  int     // writes that were stale or fenced, renewals that were fenced
	Failed   int     // writes known not to have landed, leases in error, damaged checkpoints in GetAll
	Unknown  int     // writes that may or may not have landed
	Err      error   // as the method returns it; of GetAll the last, or the first that says what is damaged
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
