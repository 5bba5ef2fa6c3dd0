package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

var causeCases = []Case{
	{
		Name: "store/answer-as-cause",
		Rule: "If the context of a call ends and its cause is the answer of another call, a Store over the " +
			"driver still finds what is there, or fails with an error that is no answer. ErrNotFound of " +
			"another key never becomes the answer of the call.",
		run: answerAsCause,
	},
}

// answerAsCause ends contexts before the calls, and at varying moments.
func answerAsCause(c *client) {
	w := expiring(far, set("k", 1<<60, 0))
	c.put(w)
	store := checkpoint.New(c.driver, nil)
	calls := callsOfStore(w)
	if leasing.has(c.driver) {
		calls["Acquire"] = func(ctx context.Context, s *checkpoint.Store) error {
			_, err := s.Acquire(ctx, "leased", "a", far)
			return err
		}
	}
	for i, cause := range sentinels {
		cause = fmt.Errorf("the consumer of another key: %w", cause)
		for name, call := range calls {
			for n := range 20 {
				ctx, cancel := context.WithCancelCause(c.ctx)
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for range n * (i + 1) {
						runtime.Gosched()
					}
					cancel(cause)
				}()
				if n == 0 {
					<-ended
				}
				err := call(ctx, store)
				<-ended
				if (err != nil || n == 0) && c.judge(name, err) && !errors.Is(err, context.Canceled) {
					c.Fatalf("%s: error %v does not wrap the context's own", name, err)
				}
			}
		}
	}
}

// callsOfStore returns calls that have no error if they find w, which is
// stored, or store w.
func callsOfStore(w driver.Write) map[string]func(context.Context, *checkpoint.Store) error {
	there := func(ok bool, err error) error {
		if err == nil && !ok {
			return errNothing
		}
		return err
	}
	return map[string]func(context.Context, *checkpoint.Store) error{
		"Get": func(ctx context.Context, s *checkpoint.Store) error {
			_, err := s.Get(ctx, w.Key)
			return err
		},
		"Exists": func(ctx context.Context, s *checkpoint.Store) error { return there(s.Exists(ctx, w.Key)) },
		"GetMany": func(ctx context.Context, s *checkpoint.Store) error {
			found, err := s.GetMany(ctx, w.Key, "none")
			return there(len(found) == 1, err)
		},
		"GetAll": func(ctx context.Context, s *checkpoint.Store) error {
			found, err := checkpoint.Collect(s.GetAll(ctx, "*"))
			return there(len(found) == 1, err)
		},
		"SetIfNewer": func(ctx context.Context, s *checkpoint.Store) error {
			return there(s.SetIfNewer(ctx, w.Key, w.Position))
		},
		"Apply": func(ctx context.Context, s *checkpoint.Store) error {
			outcomes, err := s.Apply(ctx, checkpoint.Write{Key: w.Key, Mark: checkpoint.Mark{Position: w.Position}, IfNewer: true})
			return there(len(outcomes) == 1 && outcomes[0].Landed(), err)
		},
		"Touch": func(ctx context.Context, s *checkpoint.Store) error { return s.Touch(ctx, w.Key, w.TTL) },
	}
}
