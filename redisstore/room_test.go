package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// TestCommandsAreUsedAgainOnceAnswered ends calls at any moment, also while their commands are
// on their way. Calls after them use memory again, but only that of commands that are answered.
func TestCommandsAreUsedAgainOnceAnswered(t *testing.T) {
	s := checkpoint.New(must(redisstore.Open(t.Context(), redistest.Start(t).URL()+"?namespace=prod:", nil)), nil)
	t.Cleanup(func() { s.Close() })
	var callers sync.WaitGroup
	for caller := range 6 {
		callers.Go(func() {
			size := []int{1, 3, 200}[caller%3]
			last := make([]uint64, size) // that may be stored
			for n := uint64(1); n <= 1000; n++ {
				writes := make([]checkpoint.Write, size)
				for i := range writes {
					writes[i] = checkpoint.Write{Key: fmt.Sprint(caller, "/", i), IfNewer: true, Mark: checkpoint.Mark{Position: at(n, uint64(caller))}}
				}
				ctx, cancel := context.WithCancel(t.Context())
				timer := time.AfterFunc(rand.N(2*time.Millisecond), cancel)
				outcomes, err := s.Apply(ctx, writes...)
				timer.Stop()
				cancel()
				for i, o := range outcomes {
					if o == checkpoint.Advanced {
						last[i] = n
					} else if err == nil || o != checkpoint.Unknown && o != checkpoint.Failed {
						t.Errorf("write %d of caller %d is %v, %v", n, caller, o, err)
					}
				}
				i := rand.N(size)
				c, err := s.Get(t.Context(), writes[i].Key)
				if errors.Is(err, checkpoint.ErrNotFound) && last[i] == 0 {
					continue
				}
				if err != nil || c.Position.Prepare != uint64(caller) || c.Position.Commit < last[i] || c.Position.Commit > n {
					t.Errorf("%s is at %v, %v; it was at %d, and %d is the last", writes[i].Key, c.Position, err, last[i], n)
				}
			}
		})
	}
	callers.Wait()
}
