package checkpoint

import (
	"context"
	"time"
)

// An Observer hears of the events in a component, for logs, metrics and traces. A
// component is a [Store], a Subscription, or anything else that takes Observers. An
// Observer implements the hooks that it wants. Each hook is a small interface: a Store
// has [CallStarter] and [CallEnder], and package subscription has others. If an Observer
// has no hook of a component, it hears nothing of the component. This is no error, so
// one value can serve several components.
//
// A component calls the hooks in the order of its list of observers, and skips a nil
// observer. Concurrent calls call the hooks concurrently. A hook must return soon,
// since its caller waits for it.
type Observer any

// A CallStarter is an [Observer] that hears of each call of a [Store] as it begins.
type CallStarter interface {
	// The Store calls CallStart on the caller's goroutine, before it calls the engine.
	// CallStart returns ctx, or a context that is derived from ctx. The next observer's
	// CallStart gets this context. The engine and each CallEnd get the context that the
	// last CallStart returned. So an observer must keep its values under context keys of
	// its own.
	CallStart(ctx context.Context, call Call) context.Context
}

// A CallEnder is an [Observer] that hears of each call of a [Store] as it ends.
type CallEnder interface {
	// The Store calls CallEnd once for each call, on the caller's goroutine. For Scan,
	// GetAll and InspectAll it calls CallEnd when the loop ends.
	CallEnd(ctx context.Context, call Call, result CallResult)
}

// HooksOf returns the observers that have the hook H, in their order. It is for
// components with hooks of their own.
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
	Key     string // the key or the group of a method that concerns one; otherwise ""
	Pattern string // the pattern of Scan, GetAll, Clear, InspectAll and ReleaseFences; otherwise ""
	Size    int    // how many keys, writes or leases were given; 1 if only Key was
	Write   Write  // what Set, SetIfNewer, Rewind or Touch was given; otherwise zero
}

// A CallResult is how a [Call] ended. Count, Refused, Failed and Unknown count
// checkpoints, writes, leases, keys or fences, whichever the method handles.
type CallResult struct {
	Duration time.Duration
	Outcome  Outcome // of Set, SetIfNewer, Rewind and Touch; otherwise Unknown
	Count    int     // found, written, removed, granted or raised
	Refused  int     // writes that were stale or fenced, renewals that were fenced
	Failed   int     // writes known not to have landed, leases in error, damaged checkpoints in GetAll
	Unknown  int     // writes that may or may not have landed

	Unchanged int   // of Count: writes whose position was there already
	Fenced    int   // of Refused: writes and renewals whose epoch was too low
	Err       error // as the method returns it; of GetAll: what ended it, or the first damage
}

func (r *CallResult) count(o Outcome) {
	switch o {
	case Advanced:
		r.Count++
	case Unchanged:
		r.Count++
		r.Unchanged++
	case Stale:
		r.Refused++
	case Fenced:
		r.Refused++
		r.Fenced++
	case Failed:
		r.Failed++
	case Unknown:
		r.Unknown++
	}
}
