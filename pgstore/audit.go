package pgstore

import (
	"context"

	"github.com/checkpointstore/checkpoint/driver"
)

// auditLists are the parameters of the statement that stores audit entries.
type auditLists struct {
	key, at, op, actor, reason                   list
	oldCommit, oldPrepare, newCommit, newPrepare list
	oldEpoch, newEpoch                           list
}

func (l *auditLists) add(key string, e *driver.AuditEntry) {
	l.key.add(key)
	l.at.add(encodeTime(e.At))
	l.op.add(e.Op)
	l.actor.add(e.Actor)
	l.reason.add(e.Reason)
	addPosition(e.Old, &l.oldCommit, &l.oldPrepare)
	addPosition(e.New, &l.newCommit, &l.newPrepare)
	l.oldEpoch.add(encodeNumber(e.OldEpoch))
	l.newEpoch.add(encodeNumber(e.NewEpoch))
}

func addPosition(p *driver.Position, commit, prepare *list) {
	if p == nil {
		commit.addOptional("")
		prepare.addOptional("")
		return
	}
	commit.add(encodeNumber(p.Commit))
	prepare.add(encodeNumber(p.Prepare))
}

// statements store the entries, and remove those that AuditEntries later ones follow.
func (l *auditLists) statements(sql *statements, namespace string) []*statement {
	if l.key.Len() == 0 {
		return nil
	}
	return []*statement{
		{sql: sql.insertAudit, args: l.args(namespace)},
		{sql: sql.trimAudit, args: []any{namespace, l.key.text(), encodeNumber(driver.AuditEntries)}},
	}
}

func (l *auditLists) args(namespace string) []any {
	return []any{
		namespace, l.key.text(), l.at.text(), l.op.text(), l.actor.text(), l.reason.text(),
		l.oldCommit.text(), l.oldPrepare.text(), l.newCommit.text(), l.newPrepare.text(), l.oldEpoch.text(), l.newEpoch.text(),
	}
}

var _ driver.Historian = (*Driver)(nil)

// History implements [driver.Historian].
func (d *Driver) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	entries, err := readHistory(ctx, d.read, d.sql, d.opts.Namespace, key, n)
	if err != nil {
		return nil, d.failure(ctx, err)
	}
	return entries, nil
}

func readHistory(
	ctx context.Context, read func(context.Context, *statement) error, sql *statements, namespace, key string, n int,
) (entries []driver.AuditEntry, err error) {
	err = read(ctx, &statement{
		sql: sql.history, args: []any{namespace, key, encodeNumber(uint64(n))}, //nolint:gosec // above 0
		each: func(scan func(...any) error) error {
			e, err := scanEntry(key, scan)
			entries = append(entries, e)
			return err
		},
	})
	return entries, err
}

func scanEntry(key string, scan func(...any) error) (e driver.AuditEntry, err error) {
	var at, oldCommit, oldPrepare, newCommit, newPrepare, oldEpoch, newEpoch *string
	err = scan(&at, &e.Op, &e.Actor, &e.Reason, &oldCommit, &oldPrepare, &newCommit, &newPrepare, &oldEpoch, &newEpoch)
	if err != nil {
		return e, err
	}
	sound := true
	number := func(s *string) uint64 {
		n, ok := decodeNumber(s)
		sound = sound && ok
		return n
	}
	place := func(commit, prepare *string) *driver.Position {
		if commit == nil && prepare == nil {
			return nil
		}
		return &driver.Position{Commit: number(commit), Prepare: number(prepare)}
	}
	e.Old, e.New = place(oldCommit, oldPrepare), place(newCommit, newPrepare)
	e.OldEpoch, e.NewEpoch = number(oldEpoch), number(newEpoch)
	time, ok := decodeTime(at)
	if e.At = time; !ok || !sound {
		return e, driver.DamagedHistory("an audit entry of key %q, of %s", key, text(at))
	}
	return e, nil
}
