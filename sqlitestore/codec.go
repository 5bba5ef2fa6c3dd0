package sqlitestore

import (
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// Numbers are stored as text of 20 digits. SQLite's own integers have 63 bits
// and a sign; text of one length is read by people and ordered by SQLite alike.
const digits = 20

func encodeNumber(n uint64) string {
	var b [digits]byte
	for i := digits - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return string(b[:])
}

func decodeNumber(s string) (uint64, bool) {
	if len(s) != digits {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// timeLayout orders as text, too.
const timeLayout = "2006-01-02T15:04:05.000Z"

func encodeTime(t time.Time) string { return t.Format(timeLayout) }

// A timeText is the last time that it encoded: many writes share theirs.
type timeText struct {
	time time.Time
	text string
}

func (l *timeText) encode(t time.Time) string {
	if l.text == "" || !l.time.Equal(t) {
		*l = timeText{t, encodeTime(t)}
	}
	return l.text
}

// decodeTime wants every digit in its place. Parse is lenient where it is given
// timeLayout, and slow.
func decodeTime(s string) (time.Time, bool) {
	if len(s) != len(timeLayout) || s[19] != '.' || s[23] != 'Z' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}

// columns are those that a row holds, in its order.
const columns = "key, commit_position, prepare_position, updated_at, expires_at, epoch, log_id"

// A row is one row of the table checkpoints as it is stored.
type row struct {
	key, commit, prepare, updatedAt string
	expiresAt, epoch, logID         sql.NullString
}

func (r *row) fields() []any {
	return []any{&r.key, &r.commit, &r.prepare, &r.updatedAt, &r.expiresAt, &r.epoch, &r.logID}
}

// record decodes r. A record that has expired at now is ErrNotFound.
func (r *row) record(now time.Time) driver.Record {
	out := driver.Record{Key: r.key}
	damaged := func(column, value string) driver.Record {
		return driver.Record{Key: r.key, Err: fmt.Errorf("%w: column %s of key %q is %.80q",
			checkpoint.ErrCorrupt, column, r.key, value)}
	}
	var ok bool
	if r.expiresAt.Valid {
		if out.ExpiresAt, ok = decodeTime(r.expiresAt.String); !ok {
			return damaged("expires_at", r.expiresAt.String)
		}
		if !now.Before(out.ExpiresAt) {
			return driver.Record{Key: r.key, Err: checkpoint.ErrNotFound}
		}
	}
	if out.Position.Commit, ok = decodeNumber(r.commit); !ok {
		return damaged("commit_position", r.commit)
	}
	if out.Position.Prepare, ok = decodeNumber(r.prepare); !ok {
		return damaged("prepare_position", r.prepare)
	}
	if out.UpdatedAt, ok = decodeTime(r.updatedAt); !ok {
		return damaged("updated_at", r.updatedAt)
	}
	if r.epoch.Valid {
		if out.Epoch, ok = decodeNumber(r.epoch.String); !ok {
			return damaged("epoch", r.epoch.String)
		}
	}
	out.LogID = r.logID.String
	return out
}

// expiry is when a checkpoint written now expires.
func expiry(now time.Time, ttl time.Duration) sql.NullString {
	if ttl == 0 {
		return sql.NullString{}
	}
	return sql.NullString{String: encodeTime(now.Add(ttl)), Valid: true}
}

func optionalNumber(n uint64) sql.NullString {
	if n == 0 {
		return sql.NullString{}
	}
	return sql.NullString{String: encodeNumber(n), Valid: true}
}
