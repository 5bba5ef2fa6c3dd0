package pgstore_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// Without shortcuts no Get shares a statement.
func TestNoGetSharesAStatementWithoutShortcuts(t *testing.T) {
	url := newDatabase(t)
	d, counter := counted(t, url, &pgstore.Options{NoShortcuts: true})
	put(t, d, "k0", 1)
	on := lockTable(t, url, "checkpoints")
	const reads = 20
	var all sync.WaitGroup
	for range reads {
		all.Go(func() { wantFound(t, d, "k0", "missing") })
	}
	waitForLocks(t, url, 4) // each of the pool's connections
	if err := on.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if n := counter.gets.Load(); n != reads {
		t.Errorf("%d reads at the same time took %d statements", reads, n)
	}
}

// Without shortcuts package cell decides every write.
func TestNoWriteIsUsualWithoutShortcuts(t *testing.T) {
	url := newDatabase(t)
	for _, none := range []bool{false, true} {
		d, counter := counted(t, url, &pgstore.Options{Namespace: fmt.Sprint(none), NoShortcuts: none})
		for n := range uint64(3) {
			fenced := ifNewer("c", n+1)
			fenced.Epoch = 1
			for _, batch := range [][]driver.Write{{ifNewer("a", 2*n+1)}, {ifNewer("a", 2*n+2), ifNewer("b", n+1), fenced}} {
				results, err := d.Write(t.Context(), batch)
				if err != nil || results[len(batch)-1].Outcome != driver.Advanced {
					t.Errorf("NoShortcuts %t: %+v, %v", none, results, err)
				}
			}
		}
		if n := counter.usual.Load(); (n == 0) != none {
			t.Errorf("NoShortcuts %t: %d usual statements", none, n)
		}
	}
}
