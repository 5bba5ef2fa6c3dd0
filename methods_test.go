package checkpoint_test

import (
	"bytes"
	"context"
	"iter"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
)

// A method is one of a Store, as it is called for a key, or for all keys.
type method struct {
	op    string
	walks bool
	call  func(ctx context.Context, s *checkpoint.Store, key string) error
}

// methods are all of them, except for Close, in an order in which each finds what it
// needs.
var methods = []method{
	{"get", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return second(s.Get(ctx, key)) }},
	{"exists", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return second(s.Exists(ctx, key)) }},
	{"getMany", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.GetMany(ctx, "a", key))
	}},
	{"set", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return s.Set(ctx, key, somewhere) }},
	{"setIfNewer", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.SetIfNewer(ctx, key, somewhere))
	}},
	{"apply", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.Apply(ctx, checkpoint.Write{Key: "a"}, checkpoint.Write{Key: key}))
	}},
	{"touch", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return s.Touch(ctx, key, 0) }},
	{"rewind", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.Rewind(ctx, key, somewhere))
	}},
	{"delete", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return s.Delete(ctx, key) }},
	{"history", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.History(ctx, key, 10))
	}},
	{"samples", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return second(s.Samples(ctx, key)) }},
	{"adopt", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return s.Adopt(ctx, key, nil, nil) }},
	{"report", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.Report(ctx, key, checkpoint.Status{Instance: "a"}, time.Minute))
	}},
	{"statuses", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.Statuses(ctx, "a", key))
	}},
	{"pause", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return s.Pause(ctx, key) }},
	{"resume", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return s.Resume(ctx, key) }},
	{"beat", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.Beat(ctx, key, checkpoint.Member{Name: "a", Weight: 1}, time.Minute, "a"))
	}},
	{"declareGroup", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return s.DeclareGroup(ctx, key) }},
	{"group", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return second(s.Group(ctx, key)) }},
	{"orderGroup", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return s.OrderGroup(ctx, key, checkpoint.GroupOrder{Drain: "a"})
	}},
	{"withdrawOrder", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return s.WithdrawOrder(ctx, key, checkpoint.GroupOrder{Drain: "a"})
	}},
	{"groups", true, func(ctx context.Context, s *checkpoint.Store, _ string) error { return second(s.Groups(ctx)) }},
	{"leave", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return s.Leave(ctx, key, "a") }},
	{"acquire", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.Acquire(ctx, key, "a", time.Minute))
	}},
	{"renew", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.Renew(ctx, checkpoint.Lease{Key: key, Owner: "a", Epoch: 2}, time.Minute))
	}},
	{"release", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return s.Release(ctx, checkpoint.Lease{Key: key, Owner: "a", Epoch: 2})
	}},
	{"leaseEnds", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.LeaseEnds(ctx, key))
	}},
	{"acquireMany", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return eachLease(s.AcquireMany(ctx, leasesOf(key)...))
	}},
	{"renewMany", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return eachLease(s.RenewMany(ctx, leasesOf(key)...))
	}},
	{"releaseMany", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return eachLease(s.ReleaseMany(ctx, leasesOf(key)...))
	}},
	{"inspectMany", false, func(ctx context.Context, s *checkpoint.Store, key string) error {
		return second(s.InspectMany(ctx, "a", key))
	}},
	{"inspect", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return second(s.Inspect(ctx, key)) }},
	{"fence", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return second(s.Fence(ctx, key, 7)) }},
	{"revoke", false, func(ctx context.Context, s *checkpoint.Store, key string) error { return second(s.Revoke(ctx, key)) }},

	{"scan", true, func(ctx context.Context, s *checkpoint.Store, _ string) error { return lastError(s.Scan(ctx, "*")) }},
	{"getAll", true, func(ctx context.Context, s *checkpoint.Store, _ string) error { return lastError(s.GetAll(ctx, "*")) }},
	{"clear", true, func(ctx context.Context, s *checkpoint.Store, _ string) error { return second(s.Clear(ctx, "*")) }},
	{"inspectAll", true, func(ctx context.Context, s *checkpoint.Store, _ string) error {
		return lastError(s.InspectAll(ctx, "*"))
	}},
	{"releaseFences", true, func(ctx context.Context, s *checkpoint.Store, _ string) error {
		return second(s.ReleaseFences(ctx, "*", time.Hour))
	}},
}

// TestEveryMethodIsListed holds the list to a method that is new.
func TestEveryMethodIsListed(t *testing.T) {
	listed := map[string]bool{"close": true}
	for _, m := range methods {
		listed[m.op] = true
	}
	for m := range reflect.TypeFor[*checkpoint.Store]().Methods() {
		if op := strings.ToLower(m.Name[:1]) + m.Name[1:]; !listed[op] {
			t.Errorf("%s is not among the methods that the tests call", m.Name)
		}
	}
}

// everyMethod calls every method that takes a key and yields its error.
func everyMethod(ctx context.Context, s *checkpoint.Store, key string) iter.Seq2[string, error] {
	return every(ctx, s, false, key)
}

// everyWalk calls every method that takes a pattern and yields its error.
func everyWalk(ctx context.Context, s *checkpoint.Store) iter.Seq2[string, error] {
	return every(ctx, s, true, "")
}

func every(ctx context.Context, s *checkpoint.Store, walks bool, key string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, m := range methods {
			if m.walks == walks && !yield(m.op, m.call(ctx, s, key)) {
				return
			}
		}
	}
}

func leasesOf(keys ...string) []checkpoint.Lease {
	leases := make([]checkpoint.Lease, len(keys))
	for i, key := range keys {
		leases[i] = checkpoint.Lease{Key: key, Owner: "a", TTL: time.Minute, Epoch: 1}
	}
	return leases
}

func second[T any](_ T, err error) error { return err }

// lastError is the error that ended a walk.
func lastError[T any](walk iter.Seq2[T, error]) (last error) {
	for _, err := range walk {
		last = err
	}
	return last
}

// eachLease is the error of a batch, or of the only lease in it.
func eachLease(results []checkpoint.LeaseResult, err error) error {
	if err == nil {
		err = results[0].Err
	}
	return err
}

// TestEveryMethodHasAMessage in the log, if it works, too.
func TestEveryMethodHasAMessage(t *testing.T) {
	var out bytes.Buffer
	s := checkpoint.New(memstore.New(), &checkpoint.Options{
		Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	for _, m := range methods {
		out.Reset()
		_ = m.call(t.Context(), s, "k")
		if text := out.String(); text == "" || strings.Contains(text, `msg=""`) {
			t.Errorf("the log of %s is %q", m.op, text)
		}
	}
}
