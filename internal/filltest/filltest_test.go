package filltest_test

import (
	"strconv"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/filltest"
	"github.com/checkpointstore/checkpoint/memstore"
)

func TestFill(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	fill := func(n int, commit uint64) error {
		return filltest.Fill(t.Context(), store, n, func(i int) checkpoint.Write {
			return checkpoint.Write{Key: strconv.Itoa(i), Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: commit}}, IfNewer: true}
		})
	}
	for commit, n := range []int{0, 1, 999, 1000, 1001, 2500} {
		if err := fill(n, uint64(commit)); err != nil {
			t.Errorf("filling with %d: %v", n, err)
		}
		all, err := checkpoint.Collect(store.GetAll(t.Context(), "*"))
		if err != nil || len(all) != n {
			t.Errorf("filled with %d, the store has %d, %v", n, len(all), err)
		}
	}
	if err := fill(1, 5); err == nil {
		t.Error("a write that does not advance is no error")
	}
}
