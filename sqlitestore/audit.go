package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// auditTable has the audit entries of each key, counted by n. Like the additions, it makes
// no new version. A change by an earlier release leaves no entry.
const auditTable = `CREATE TABLE audit (
	key TEXT NOT NULL,
	n INTEGER NOT NULL,
	at TEXT NOT NULL,
	op TEXT NOT NULL,
	actor TEXT NOT NULL,
	reason TEXT NOT NULL,
	old_position TEXT, -- "commit/prepare"; NULL: none, or damaged
	new_position TEXT,
	old_epoch TEXT,
	new_epoch TEXT,
	PRIMARY KEY (key, n)
) WITHOUT ROWID;
CREATE INDEX audit_by_time ON audit (at)`

const (
	sqlNote = "INSERT INTO audit (key, n, at, op, actor, reason, old_position, new_position, old_epoch, new_epoch)" +
		" VALUES " + noteValues
	noteValues    = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	latestNote    = "SELECT CAST(max(n) AS INTEGER) FROM audit"
	sqlLatestNote = latestNote + " WHERE key = ?"
	sqlForgetOld  = "DELETE FROM audit WHERE key = ? AND n <= ?"
	// The index finds the rows, and may be damaged: the plus has the row itself decide. A time
	// that is no time stays.
	sqlForgetAged = "DELETE FROM audit WHERE (key, n) IN (SELECT key, n FROM audit WHERE at < ?1 AND at > '0' ORDER BY at LIMIT ?2)" +
		" AND +at < ?1"
	sqlForget  = "DELETE FROM audit WHERE key = ?"
	sqlHistory = "SELECT at, op, actor, reason, old_position, new_position, old_epoch, new_epoch FROM audit" +
		" WHERE key = ? ORDER BY n DESC LIMIT ?"
)

// note stores an audit entry of key, if there is one.
func (t *transaction) note(key string, e *driver.AuditEntry) error {
	if e == nil {
		return nil
	}
	var latest sql.NullInt64
	if err := t.scan([]any{&latest}, sqlLatestNote, key); err != nil {
		return err
	}
	return t.noteAll([]note{{key, latest.Int64 + 1, e}})
}

// A note is an audit entry of a key, and its number. The numbers of a key begin at 1.
type note struct {
	key   string
	n     int64
	entry *driver.AuditEntry
}

// maxNotes is how many notes one statement stores.
const maxNotes = 32

// noteAll stores notes of different keys. The number of notes in a statement is a power of
// two, so that few statements are prepared.
func (t *transaction) noteAll(notes []note) error {
	for len(notes) > 0 {
		some := notes[:min(maxNotes, 1<<(bits.Len(uint(len(notes)))-1))]
		notes = notes[len(some):]
		var args []any
		for _, n := range some {
			e := n.entry
			args = append(args, n.key, n.n, encodeTime(e.At), e.Op, e.Actor, e.Reason, optionalPosition(e.Old), optionalPosition(e.New),
				optionalNumber(e.OldEpoch), optionalNumber(e.NewEpoch))
		}
		if err := t.exec(sqlNote+strings.Repeat(", "+noteValues, len(some)-1), args...); err != nil {
			return err
		}
		for _, n := range some {
			if n.n <= driver.AuditEntries {
				continue // none is too many
			}
			if err := t.exec(sqlForgetOld, n.key, n.n-driver.AuditEntries); err != nil {
				return err
			}
		}
	}
	return nil
}

// forget removes the audit entries and the samples of key.
func (t *transaction) forget(key string) error {
	if err := t.exec(sqlForget, key); err != nil {
		return err
	}
	return t.exec(sqlForgetSamples, key)
}

// purgeTraces removes what is past its age beside the checkpoints: the oldest audit
// entries, limit at most, the samples of keys that have none of late, and reports.
func (t *transaction) purgeTraces(limit int) error {
	ago := func(age time.Duration) string { return encodeTime(t.now.Add(-age).UTC()) }
	err := t.exec(sqlForgetAged, ago(driver.AuditAge), limit)
	if err == nil {
		err = t.exec(sqlAgedSamples, ago(driver.SampleAge), limit)
	}
	if err == nil {
		err = t.exec(sqlEndedReports, ago(0))
	}
	return err
}

func optionalPosition(p *driver.Position) sql.NullString {
	if p == nil {
		return sql.NullString{}
	}
	return sql.NullString{String: p.String(), Valid: true}
}

var _ driver.Historian = (*Driver)(nil)

// History implements [driver.Historian].
func (d *Driver) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return readBy(ctx, d, sqlHistory, func(stmt *sql.Stmt) ([]driver.AuditEntry, error) { return readHistory(ctx, stmt, key, n) })
}

func readHistory(ctx context.Context, stmt *sql.Stmt, key string, n int) (entries []driver.AuditEntry, err error) {
	rows, err := stmt.QueryContext(ctx, key, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(key, rows)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

func scanEntry(key string, rows *sql.Rows) (e driver.AuditEntry, err error) {
	var at string
	var before, after, beforeEpoch, afterEpoch sql.NullString
	if err := rows.Scan(&at, &e.Op, &e.Actor, &e.Reason, &before, &after, &beforeEpoch, &afterEpoch); err != nil {
		return e, err
	}
	var ok bool
	if e.At, ok = decodeTime(at); !ok {
		return e, driver.DamagedHistory("an audit entry of key %q has the time %.80q", key, at)
	}
	var errs [4]error
	e.Old, errs[0] = decodePosition(before)
	e.New, errs[1] = decodePosition(after)
	e.OldEpoch, errs[2] = decodeEpoch(beforeEpoch)
	e.NewEpoch, errs[3] = decodeEpoch(afterEpoch)
	if err := errors.Join(errs[:]...); err != nil {
		return e, driver.DamagedHistory("an audit entry of key %q, of %s: %v", key, at, err)
	}
	return e, nil
}

func decodePosition(s sql.NullString) (*driver.Position, error) {
	if !s.Valid {
		return nil, nil
	}
	p, err := driver.ParsePosition(s.String)
	return &p, err
}

func decodeEpoch(s sql.NullString) (uint64, error) {
	if !s.Valid {
		return 0, nil
	}
	n, ok := decodeNumber(s.String)
	if !ok {
		return 0, fmt.Errorf("%.80q is no epoch", s.String)
	}
	return n, nil
}
