package sqlitestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// Nothing to install, nothing to run beside the consumer.
func Example() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	d, err := sqlitestore.Open(ctx, filepath.Join(dir, "checkpoints.db"), nil)
	if err != nil {
		panic(err)
	}
	store := checkpoint.New(d, nil)
	defer store.Close()

	for _, commit := range []uint64{12, 18446744073709551615, 18446744073709551614} {
		updated, err := store.SetIfNewer(ctx, "order-processor", checkpoint.Position{Commit: commit, Prepare: commit})
		fmt.Println(updated, err)
	}
	cp, err := store.Get(ctx, "order-processor")
	fmt.Println(cp.Position, err)
	// Output:
	// true <nil>
	// true <nil>
	// false <nil>
	// C:18446744073709551615/P:18446744073709551615 <nil>
}
