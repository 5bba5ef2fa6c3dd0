package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A role is what a child process of a test plays.
type role func(ctx context.Context, store *checkpoint.Store, taskJSON string) error

var roles = map[string]role{
	"honest":        honest,
	"drops":         doctored("demo/revenue", func(effects []Effect) []Effect { return slices.Delete(effects, 1000, 1001) }),
	"drops a batch": doctored(victim, func(effects []Effect) []Effect { return slices.Delete(effects, 500, 600) }),
	"doubles": doctored("demo/revenue", func(effects []Effect) []Effect {
		return slices.Insert(effects, 1000, effects[1000])
	}),
	"invents": doctored("demo/revenue", func(effects []Effect) []Effect {
		last := effects[len(effects)-1]
		last.Position.Prepare++
		last.Position.Commit++
		return append(effects, last)
	}),
	"errs": doctored("demo/revenue", func(effects []Effect) []Effect {
		effects[1000].Amount++
		return effects
	}),
	"miscounts": miscount,
	"forgets":   forget,
	"ahead":     acknowledgeAhead,
	"unfenced":  unfenced,
	"idle":      func(context.Context, *checkpoint.Store, string) error { return nil },
	"gives up":  giveUp,
	"fails":     func(context.Context, *checkpoint.Store, string) error { return errors.New("no teapots left") },
	"hangs":     hang,
}

func honest(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	return RunChild(ctx, store, taskJSON, os.Stdin, os.Stdout)
}

// doctored does all that is asked of it, and then changes the effects of key.
func doctored(key string, doctor func([]Effect) []Effect) role {
	return func(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
		if err := honest(ctx, store, taskJSON); err != nil {
			return err
		}
		t, c, err := parseTask(taskJSON)
		if err != nil || t.Key != key || t.Stale != nil {
			return err
		}
		var all []Effect
		for e, err := range readEffects(c.effectsPath(t.Dir)) {
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		if err := os.Remove(c.effectsPath(t.Dir)); err != nil {
			return err
		}
		return writeEffects(c.effectsPath(t.Dir), doctor(all))
	}
}

func parseTask(taskJSON string) (t task, c consumer, err error) {
	if err := json.Unmarshal([]byte(taskJSON), &t); err != nil {
		return t, c, err
	}
	c, err = consumerAt(t.Key)
	return t, c, err
}

func writeEffects(path string, all []Effect) error {
	effects, _, err := openEffects(path)
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

// miscount leaves a report that counts one event twice.
func miscount(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	if err := honest(ctx, store, taskJSON); err != nil {
		return err
	}
	t, c, err := parseTask(taskJSON)
	if err != nil || t.Key != "demo/revenue" {
		return err
	}
	report, err := loadReport(c.reportPath(t.Dir))
	if err != nil {
		return err
	}
	report.Totals["NO"]++
	return report.save(c.reportPath(t.Dir))
}

// forget leaves a checkpoint other than that of its last event.
func forget(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	if err := honest(ctx, store, taskJSON); err != nil {
		return err
	}
	if t, _, err := parseTask(taskJSON); err != nil || t.Key != "demo/revenue" {
		return err
	}
	return store.Set(ctx, "demo/revenue", checkpoint.Position{Commit: 12, Prepare: 12})
}

// acknowledgeAhead acknowledges events and leaves their effects for later.
func acknowledgeAhead(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	t, c, err := parseTask(taskJSON)
	if err != nil || t.HoldAt == 0 {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	s, err := subscription.Open(ctx, store, c.key, &subscription.Options{
		FlushAfter: flushAfter,
		Lease:      &subscription.Lease{Owner: t.Owner, TTL: t.LeaseTTL},
	})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(grant{Epoch: s.Epoch()}); err != nil {
		return err
	}
	read := func(context.Context) iter.Seq2[Event, error] { return readLog(logPath(t.Dir), checkpoint.Position{}) }
	return subscription.Run(ctx, s, read, subscription.Handler[Event]{
		Position: func(e Event) checkpoint.Position { return e.Position },
		Handle: func(_ context.Context, e Event) (err error) {
			if e.Position.Prepare >= t.HoldAt {
				_, err = io.Copy(io.Discard, os.Stdin)
			}
			return err
		},
	})
}

// unfenced is a stale instance that leaves out its epoch, and so gets through.
func unfenced(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	t, _, err := parseTask(taskJSON)
	if err != nil || t.Stale == nil {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	result := staleReport{Refused: 1, Fenced: 1}
	if ok, err := store.SetIfNewer(ctx, t.Key, t.Stale.Ahead); err != nil {
		return err
	} else if ok {
		result.Accepted++
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// giveUp ends when it has the lease, as if the log had.
func giveUp(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	if t, _, err := parseTask(taskJSON); err != nil || t.HoldAt == 0 {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	return json.NewEncoder(os.Stdout).Encode(grant{Epoch: 1})
}

// hang neither reports nor ends, unless it is the consumer that is killed.
func hang(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	if t, _, err := parseTask(taskJSON); err != nil || t.Key == victim {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}
