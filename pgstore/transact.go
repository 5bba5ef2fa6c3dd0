package pgstore

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint/driver"
)

// maxAttempts bounds how often a transaction that was rolled back runs again.
const maxAttempts = 10

// transact makes changes, and sets the ending of each. Usual writes go first, by one
// statement. Whatever that statement leaves, and every other change, goes by a step.
func (d *Driver) transact(ctx context.Context, changes []*change) {
	rest := changes
	if !d.opts.NoShortcuts {
		var usual []*change
		if usual, rest = splitUsual(changes); len(usual) > 0 {
			rest = append(rest, d.attempts(ctx, usual, d.writeUsual)...)
		}
	}
	if len(rest) > 0 {
		d.attempts(ctx, rest, d.change)
	}
	if d.purger.due() {
		d.writer.running.Go(func() { d.purge(d.writer.ctx) })
	}
}

// splitUsual returns the changes that the usual statement may make, and the rest. The
// statement can have each key once.
func splitUsual(changes []*change) (usual, rest []*change) {
	if len(changes) == 1 {
		if changes[0].usual != nil {
			return changes, nil
		}
		return nil, changes
	}
	times := make(map[string]int, len(changes))
	for _, c := range changes {
		times[c.key]++
	}
	for _, c := range changes {
		if c.usual != nil && times[c.key] == 1 {
			usual = append(usual, c)
		} else {
			rest = append(rest, c)
		}
	}
	return usual, rest
}

// attempts runs f, and runs it again if its transaction was rolled back for a reason
// that passes. It returns the changes that f left.
func (d *Driver) attempts(
	ctx context.Context, changes []*change, f func(context.Context, *pgxpool.Conn, []*change) ([]*change, ending),
) []*change {
	for n := 1; ; n++ {
		left, e := d.attempt(ctx, changes, f)
		if e.err == nil {
			return left
		}
		if !e.unknown && again(e.err) && n < maxAttempts && pause(ctx, n) {
			continue
		}
		for _, c := range changes {
			c.end = e
		}
		return nil
	}
}

func (d *Driver) attempt(
	ctx context.Context, changes []*change, f func(context.Context, *pgxpool.Conn, []*change) ([]*change, ending),
) ([]*change, ending) {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, ending{err: err}
	}
	defer conn.Release() // closes a connection that is within a transaction
	left, e := f(ctx, conn, changes)
	e.err = leave(ctx, conn, e.err)
	return left, e
}

// pause waits before the next attempt. The pauses grow and are random, so that
// transactions that got into each other's way do not meet again.
func pause(ctx context.Context, n int) bool {
	most := time.Millisecond << min(n, 6)
	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// change makes changes in one step.
func (d *Driver) change(ctx context.Context, conn *pgxpool.Conn, changes []*change) ([]*change, ending) {
	s := &step{sql: d.sql, namespace: d.opts.Namespace, changes: changes}
	run := pgxRunner{conn}
	undo := func(err error) ([]*change, ending) {
		if !conn.Conn().IsClosed() {
			_, _ = conn.Exec(ctx, "ROLLBACK") // otherwise Release closes the connection
		}
		return nil, ending{err: err}
	}
	if err := run.run(ctx, append([]*statement{{sql: d.sql.begin}, {sql: d.sql.limit}}, s.load()...)...); err != nil {
		return undo(err)
	}
	if err := s.checkLoaded(); err != nil {
		return undo(err)
	}
	if s.torn {
		return undo(errOvertaken)
	}
	store, inserted := s.decide()
	if inserted > 0 {
		if err := run.run(ctx, store...); err != nil {
			return undo(err)
		}
		if affected(store, d.sql) != inserted {
			return undo(errOvertaken)
		}
		store = nil
	}
	commit := &statement{sql: d.sql.commit}
	err := run.run(ctx, append(store, commit)...)
	switch {
	case commit.committed:
		// A timeout that ran out as the commit began fails the statement after the commit.
		return nil, ending{}
	case err == nil:
		return undo(errRolledBack)
	case rolledBack(err):
		return undo(err)
	}
	return nil, ending{err: err, unknown: true}
}

// affected returns how many rows were inserted.
func affected(store []*statement, sql *statements) (n int64) {
	for _, s := range store {
		if s.sql == sql.insertCheckpoints || s.sql == sql.insertFences {
			n += s.affected
		}
	}
	return n
}

// writeUsual makes writes that advance, and returns the others.
func (d *Driver) writeUsual(ctx context.Context, conn *pgxpool.Conn, changes []*change) ([]*change, ending) {
	var made map[string]bool
	var err error
	if len(changes) == 1 {
		made, err = d.writeOne(ctx, conn, changes[0].usual)
	} else {
		made, err = d.writeList(ctx, conn, changes)
	}
	if err != nil {
		return nil, ending{err: err, unknown: !rolledBack(err)}
	}
	return slices.DeleteFunc(slices.Clone(changes), func(c *change) bool { return made[c.key] }), ending{}
}

func (d *Driver) writeOne(ctx context.Context, conn *pgxpool.Conn, w *driver.Write) (made map[string]bool, err error) {
	s := statement{sql: d.sql.usualOne, args: []any{
		d.opts.Namespace, w.Key, encodeNumber(w.Position.Commit), encodeNumber(w.Position.Prepare), encodeTime(w.UpdatedAt), w.LogID,
		encodeBefore(w.SampleBefore),
	}}
	if w.Epoch != 0 {
		s.sql, s.args = d.sql.usualOneFenced, append(s.args, encodeNumber(w.Epoch))
	}
	err = pgxRunner{conn}.run(ctx, &s)
	return map[string]bool{w.Key: s.affected == 1}, err
}

// writeList makes writes by one statement, or by two if some have an epoch and some have
// none. The two are one transaction.
func (d *Driver) writeList(ctx context.Context, conn *pgxpool.Conn, changes []*change) (made map[string]bool, err error) {
	slices.SortFunc(changes, func(a, b *change) int { return strings.Compare(a.key, b.key) })
	var plain, fenced usualLists
	for _, c := range changes {
		if c.usual.Epoch == 0 {
			plain.add(c.usual)
		} else {
			fenced.add(c.usual)
		}
	}
	made = make(map[string]bool, len(changes))
	each := func(scan func(...any) error) error {
		var key string
		err := scan(&key)
		made[key] = true
		return err
	}
	var statements []*statement
	if fenced.key.Len() > 0 {
		args := append(fenced.args(d.opts.Namespace), fenced.epoch.text())
		statements = append(statements, &statement{sql: d.sql.usualFenced, args: args, each: each})
	}
	if plain.key.Len() > 0 {
		statements = append(statements, &statement{sql: d.sql.usual, args: plain.args(d.opts.Namespace), each: each})
	}
	return made, pgxRunner{conn}.run(ctx, statements...)
}

// usualLists are the parameters of the usual statement.
type usualLists struct {
	key, commit, prepare, updatedAt, logID, epoch list

	sampleBefore time.Time // the latest: a write that has an earlier one may take the longer way
}

func (l *usualLists) add(w *driver.Write) {
	l.key.add(w.Key)
	l.commit.add(encodeNumber(w.Position.Commit))
	l.prepare.add(encodeNumber(w.Position.Prepare))
	l.updatedAt.add(encodeTime(w.UpdatedAt))
	l.logID.add(w.LogID)
	l.epoch.add(encodeNumber(w.Epoch))
	if w.SampleBefore.After(l.sampleBefore) {
		l.sampleBefore = w.SampleBefore
	}
}

func (l *usualLists) args(namespace string) []any {
	return []any{namespace, l.key.text(), l.commit.text(), l.prepare.text(), l.updatedAt.text(), l.logID.text(), encodeBefore(l.sampleBefore)}
}
