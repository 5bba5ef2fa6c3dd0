package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/checkpointstore/checkpoint"
)

// A role is what a child process of a test plays.
type role func(ctx context.Context, store *checkpoint.Store, taskJSON string) error

var roles = map[string]role{
	"honest":        honest,
	"drops":         doctored("demo/revenue", func(effects []Effect) []Effect { return slices.Delete(effects, 1000, 1001) }),
	"drops a batch": doctored(victim, func(effects []Effect) []Effect { return slices.Delete(effects, 500, 500+testEvery) }),
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
	"ahead":     commitAhead,
	"unfenced":  unfenced,
	"idle":      func(context.Context, *checkpoint.Store, string) error { return nil },
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
	return effects.sync()
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

// commitAhead commits the position of a batch and then does its work.
func commitAhead(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	t, c, err := parseTask(taskJSON)
	if err != nil || t.Key != victim || t.Stale != nil {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	report := newReporter(os.Stdin, os.Stdout, func() { os.Exit(1) })
	var batch []Effect
	done := 0
	for event, err := range readLog(logPath(t.Dir), checkpoint.Position{}) {
		if err != nil {
			return err
		}
		name, amount := c.effect(event)
		batch = append(batch, Effect{Position: event.Position, Name: name, Amount: amount})
		if len(batch) < t.Every {
			continue
		}
		if ok, err := store.SetIfNewer(ctx, c.key, event.Position, checkpoint.Epoch(t.Epoch)); err != nil || !ok {
			return fmt.Errorf("%v, %w", ok, err)
		}
		report.committed(event.Position)
		done += len(batch)
		if err := report.progress(ctx, done); err != nil {
			return err
		}
		if err := writeEffects(c.effectsPath(t.Dir), batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	return nil
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

// hang never ends by itself, unless it is the consumer that is killed.
func hang(ctx context.Context, store *checkpoint.Store, taskJSON string) error {
	if t, _, err := parseTask(taskJSON); err != nil || t.Key == victim {
		return errors.Join(err, honest(ctx, store, taskJSON))
	}
	var buf [1]byte
	for {
		if _, err := os.Stdin.Read(buf[:]); err != nil {
			select {}
		}
	}
}
