package pgstore_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// A change that waits for a checkpoint has looked for the fence before. Meanwhile another
// transaction raises the first fence. The checkpoint without the fence would look damaged.
func TestFenceThatComesMeanwhile(t *testing.T) {
	for name, rewind := range map[string]func(url string) (checkpoint.Checkpoint, error){
		"Open": func(url string) (checkpoint.Checkpoint, error) {
			return checkpoint.New(open(t, url, nil), nil).Rewind(t.Context(), "k", checkpoint.Position{})
		},
		"OnTx": func(url string) (cp checkpoint.Checkpoint, err error) {
			err = pgx.BeginFunc(t.Context(), newPool(t, url), func(tx pgx.Tx) error {
				d, err := pgstore.OnTx(tx, nil)
				if err == nil {
					cp, err = checkpoint.New(d, nil).Rewind(t.Context(), "k", checkpoint.Position{})
				}
				return err
			})
			return cp, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := newDatabase(t)
			put(t, open(t, url, nil), "k", 1)
			first := locks(t, url, "k")
			for _, s := range []string{
				"INSERT INTO checkpoint.checkpoint_fences (namespace, key, epoch, raised_at) VALUES ('', 'k', 1, now())",
				"UPDATE checkpoint.checkpoints SET epoch = 1",
			} {
				if _, err := first.Exec(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			answers := make(chan error, 1)
			go func() {
				cp, err := rewind(url)
				if err == nil && cp.Epoch != 2 {
					err = fmt.Errorf("the epoch is %d, want 2", cp.Epoch)
				}
				answers <- err
			}()
			waitsForLock(t, url)
			if err := first.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-answers; err != nil {
				t.Error(err)
			}
		})
	}
}
