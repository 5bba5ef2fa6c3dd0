// Package filltest fills stores for tests and benchmarks.
package filltest

import (
	"context"
	"fmt"
	"slices"

	"github.com/checkpointstore/checkpoint"
)

const batch = 1000

// Fill makes n writes in batches. A write that does not advance is an error,
// since a store that was not filled would look fast.
func Fill(ctx context.Context, store *checkpoint.Store, n int, write func(i int) checkpoint.Write) error {
	writes := make([]checkpoint.Write, 0, batch)
	for i := range n {
		writes = append(writes, write(i))
		if len(writes) < batch && i < n-1 {
			continue
		}
		outcomes, err := store.Apply(ctx, writes...)
		if err != nil {
			return err
		}
		if j := slices.IndexFunc(outcomes, func(o checkpoint.Outcome) bool { return o != checkpoint.Advanced }); j >= 0 {
			return fmt.Errorf("%s: %v, want %v", writes[j].Key, outcomes[j], checkpoint.Advanced)
		}
		writes = writes[:0]
	}
	return nil
}
