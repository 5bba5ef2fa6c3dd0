package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/checkpointstore/checkpoint"
)

// TestErrorType: a value of error.type names a series, so there are few, and an alert
// may name one.
func TestErrorType(t *testing.T) {
	for want, err := range map[string]error{
		"":                   nil,
		"not_found":          checkpoint.ErrNotFound,
		"lease_held":         &checkpoint.LeaseHeldError{},
		"fenced":             checkpoint.ErrFenced,
		"corrupt":            checkpoint.ErrCorrupt,
		"corrupt_checkpoint": checkpoint.ErrCorruptCheckpoint,
		"corrupt_fence":      checkpoint.ErrCorruptFence,
		"corrupt_history":    checkpoint.ErrCorruptHistory,
		"corrupt_lease":      checkpoint.ErrCorruptLease,
		"unsupported":        checkpoint.ErrNoLeases,
		"epoch_exhausted":    checkpoint.ErrEpochExhausted,
		"invalid_key":        checkpoint.ErrInvalidKey,
		"closed":             checkpoint.ErrClosed,
		"timeout":            context.DeadlineExceeded,
		"canceled":           context.Canceled,
		"_OTHER":             errors.New("anything"),
	} {
		if err != nil {
			err = fmt.Errorf("of a call: %w", &checkpoint.Error{Op: "get", Key: "a", Err: err})
		}
		if got := ErrorType(err); got != want {
			t.Errorf("the type of %v is %q, want %q", err, got, want)
		}
	}
}

func TestSystem(t *testing.T) {
	for engine, want := range map[string]string{"Redis": "redis", "PostgreSQL": "postgresql", "etcd": "etcd", "": "other"} {
		if got := (Call{Engine: engine}).System(); got != want {
			t.Errorf("the system of %q is %q, want %q", engine, got, want)
		}
	}
}

// TestTableMakesEachValueOnce: a counter that was made twice would begin at zero again.
func TestTableMakesEachValueOnce(t *testing.T) {
	made := make(map[int]int)
	table := Table[int, *int]{Make: func(k int) *int {
		made[k]++
		return new(k)
	}}
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for k := range 1000 {
				if *table.Get(k) != k {
					t.Errorf("the value of %d is another's", k)
				}
			}
		})
	}
	callers.Wait()
	for k, n := range made {
		if n != 1 {
			t.Errorf("the value of %d was made %d times", k, n)
		}
	}
}
