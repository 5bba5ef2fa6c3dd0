package sqlitestore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// The read model is in the same file: what an event changes and the checkpoint
// are committed together, so that each event takes effect once.
func ExampleOnTx() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "orders.db")
	d, err := sqlitestore.Open(ctx, path, nil) // makes the file a store
	if err != nil {
		panic(err)
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE revenue (cents INTEGER)"); err != nil {
		panic(err)
	}

	apply := func(p checkpoint.Position, cents int) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // does nothing after Commit
		if _, err := tx.ExecContext(ctx, "INSERT INTO revenue VALUES (?)", cents); err != nil {
			return err
		}
		outcomes, err := checkpoint.New(sqlitestore.OnTx(tx), nil).Apply(ctx, checkpoint.Write{
			Key: "revenue", IfNewer: true, Mark: checkpoint.Mark{Position: p},
		})
		switch {
		case err != nil:
			return err
		case outcomes[0] != checkpoint.Advanced:
			return nil // the event has taken effect before: roll back
		}
		return tx.Commit()
	}
	fmt.Println(apply(checkpoint.Position{Commit: 1, Prepare: 1}, 1250))
	fmt.Println(apply(checkpoint.Position{Commit: 2, Prepare: 2}, 750))
	fmt.Println(apply(checkpoint.Position{Commit: 2, Prepare: 2}, 750)) // the log sends it again

	var sum int
	err = db.QueryRowContext(ctx, "SELECT sum(cents) FROM revenue").Scan(&sum)
	cp, getErr := store.Get(ctx, "revenue")
	fmt.Println(sum, err, cp.Position, getErr)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// 2000 <nil> C:2/P:2 <nil>
}
