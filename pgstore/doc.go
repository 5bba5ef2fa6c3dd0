// Package pgstore keeps checkpoints in PostgreSQL 13 or later, beside the read models
// of their consumers or apart from them. It uses github.com/jackc/pgx/v5.
//
// [Migrate] makes the tables, once. [Open] connects by a URL, and [New] uses a pool that
// the program has already:
//
//	if err := pgstore.Migrate(ctx, pool, nil); err != nil {
//		return err
//	}
//	d, err := pgstore.New(pool, nil)
//	if err != nil {
//		return err
//	}
//	store := checkpoint.New(d, nil)
//
// [OnTx] and [OnSQLTx] return a driver on the caller's own transaction. The read model
// and the checkpoint then commit together, or neither does.
//
// People can read the tables in psql: checkpoints has a row for each checkpoint, and
// checkpoint_fences a row for each key that has seen an epoch, with its lease.
// docs/postgres.md has the layout.
//
// Each change locks the rows of its keys. One statement decides the usual writes, and
// package cell decides every other change, by the same rules. Changes that wait at the
// same time share a transaction. The clock is clock_timestamp() of the server, read once
// the rows are locked.
//
// A lease is a row. It is not an advisory lock, which would end, unnoticed, with its
// connection.
package pgstore
