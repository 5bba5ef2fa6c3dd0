package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A role is the part that a child process of a test plays.
type role func(ctx context.Context, store *checkpoint.Store, taskJSON string) error

var roles = map[string]role{
	"honest":        honest,
	"drops":         doctored(ours.instance(2), func(effects []Effect) []Effect { return slices.Delete(effects, 1000, 1001) }),
	"drops a batch": doctored(ours.instance(2), func(effects []Effect) []Effect { return slices.Delete(effects, 500, 600) }),
	"doubles":       doctored(ours.instance(2), func(effects []Effect) []Effect { return slices.Insert(effects, 1000, effects[1000]) }),
	"fleet drops":   doctored(many.instance(1), func(effects []Effect) []Effect { return effects[1:] }),
	"fleet invents": doctored(many.instance(5), func(effects []Effect) []Effect {
		return append(effects, Effect{Position: checkpoint.Position{Commit: 1, Prepare: 1}, Name: "anvil", Amount: 1})
	}),
	"fleet idles": idleInFleet,
	"invents": doctored(ours.instance(2), func(effects []Effect) []Effect {
		last := effects[len(effects)-1]
		last.Position.Prepare++
		return append(effects, last)
	}),
	"errs": doctored(ours.instance(2), func(effects []Effect) []Effect {
		effects[1000].Amount++
		return effects
	}),
	"goes back": goBack,
	"forgets":   forget,
	"ahead":     acknowledgeAhead,
	"unfenced":  unfenced,
	"idle":      func(context.Context, *checkpoint.Store, string) error { return nil },
	"gives up":  giveUp,
	"fails":     func(context.Context, *checkpoint.Store, string) error { return errors.New("no teapots left") },
	"hangs":     hang,
	"dawdles":   dawdle,
}

func honest(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	return RunChild(ctx, store, taskJSON, os.Stdin, os.Stdout)
}

// doctored performs its task, and then changes the effects of one instance.
func doctored(owner string, doctor func([]Effect) []Effect) role {
	return func(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
		if err := honest(ctx, store, taskJSON); err != nil {
			return err
		}
		t, err := parseTask(taskJSON)
		if err != nil || t.Owner != owner {
			return err
		}
		path := effectsPath(t.Dir, t.Owner)
		all, err := collectEffects(path)
		if err != nil {
			return err
		}
		return errors.Join(os.Remove(path), writeEffects(path, doctor(all)))
	}
}

func parseTask(taskJSON string) (t task, err error) {
	return t, json.Unmarshal([]byte(taskJSON), &t)
}

func writeEffects(path string, all []Effect) error {
	effects, err := openEffects(path)
	if err != nil {
		return err
	}
	defer effects.close()
	for _, e := range all {
		if err := effects.append(e); err != nil {
			return err
		}
	}
	return nil
}

// idleInFleet ends an instance of the fleet at once.
func idleInFleet(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	if t, err := parseTask(taskJSON); err != nil || t.Shared {
		return err
	}
	return honest(ctx, store, taskJSON)
}

// forget leaves the checkpoint of the last event but one.
func forget(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	if err := honest(ctx, store, taskJSON); err != nil {
		return err
	}
	t, err := parseTask(taskJSON)
	if err != nil || t.Owner != ours.instance(2) {
		return err
	}
	events, err := collectLog(logPath(t.Dir), checkpoint.Position{})
	if err != nil {
		return err
	}
	return store.Set(ctx, ours.key, events[len(events)-2].Position)
}

// acknowledgeAhead acknowledges events and leaves their effects for later.
func acknowledgeAhead(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	t, err := parseTask(taskJSON)
	if err != nil || t.Plain || t.Hold == (checkpoint.Position{}) {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	s, err := subscription.Open(ctx, store, t.Key, &subscription.Options{
		FlushAfter: flushAfter,
		Lease:      &subscription.Lease{Owner: t.Owner, TTL: leaseTTL},
	})
	if err != nil {
		return err
	}
	if err := writeEffects(effectsPath(t.Dir, t.Owner), nil); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(grant{Epoch: s.Epoch()}); err != nil {
		return err
	}
	read := func(context.Context) iter.Seq2[Event, error] { return readLog(logPath(t.Dir), checkpoint.Position{}) }
	return subscription.Run(ctx, s, read, subscription.Handler[Event]{
		Position: func(e Event) checkpoint.Position { return e.Position },
		Handle: func(_ context.Context, e Event) (err error) {
			if e.Position.Compare(t.Hold) > 0 {
				_, err = io.Copy(io.Discard, os.Stdin)
			}
			return err
		},
	})
}

// unfenced is a stale instance that leaves out its epoch, and so gets through.
func unfenced(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	t, err := parseTask(taskJSON)
	if err != nil || t.Plain || t.Stale == nil {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	if _, err := store.SetIfNewer(ctx, t.Key, t.Stale.Ahead); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(staleReport{})
}

// goBack is a stale instance that reports that the store took its old position.
func goBack(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	if t, err := parseTask(taskJSON); err != nil || t.Plain || t.Stale == nil {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	return json.NewEncoder(os.Stdout).Encode(staleReport{Took: true, Fenced: true})
}

// giveUp ends when it has the lease, as if the log had ended.
func giveUp(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	if t, err := parseTask(taskJSON); err != nil || t.Plain || t.Hold == (checkpoint.Position{}) {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	return json.NewEncoder(os.Stdout).Encode(grant{Epoch: 1})
}

// dawdle is a plain instance that takes over, and stores nothing for a while.
func dawdle(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	t, err := parseTask(taskJSON)
	if err != nil || t.Owner != plain.instance(2) {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	cp, err := store.Get(ctx, t.Key)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(grant{Resume: cp.Position}); err != nil {
		return err
	}
	time.Sleep(time.Second)
	return goOnPlain(ctx, store, t, cp.Position)
}

// hang neither reports nor ends, unless it is to be killed.
func hang(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	if t, err := parseTask(taskJSON); err != nil || t.Hold != (checkpoint.Position{}) {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}
