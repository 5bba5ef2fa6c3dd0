package sqlitestore

import (
	"cmp"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Numbers are stored as text of 20 digits. SQLite's own integers have 63 bits
// and a sign. People can read text of one length, and SQLite orders it as
// numbers.
const digits = 20

func encodeNumber(n uint64) string {
	var b [digits]byte
	for i := digits - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return string(b[:])
}

const highestNumber = "18446744073709551615"

func decodeNumber(s string) (n uint64, ok bool) {
	if len(s) != digits || s > highestNumber {
		return 0, false
	}
	for i := range digits {
		digit := s[i] - '0'
		if digit > 9 {
			return 0, false
		}
		n = n*10 + uint64(digit)
	}
	return n, true
}

func encodeTime(t time.Time) string { return t.Format(driver.TimeLayout) }

var errYear = errors.New("a time is outside the years 0 to 9999, and cannot be stored")

// storable fails if encodeTime makes a text of one of the times that no CHECK would admit.
func storable(times ...time.Time) error {
	for _, t := range times {
		if y := t.Year(); y < 0 || y > 9999 {
			return errYear
		}
	}
	return nil
}

// A timeText keeps the last time that it has encoded, since many writes have
// the same time.
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

// decodeTime wants every digit in its place. With driver.TimeLayout, time.Parse
// would be lenient, and slow.
func decodeTime(s string) (time.Time, bool) {
	if len(s) != len(driver.TimeLayout) || s[19] != '.' || s[23] != 'Z' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}

// columns are the columns of a row, in the order of its fields.
const columns = "key, commit_position, prepare_position, updated_at, expires_at, epoch, log_id"

// A row is one stored row of the table checkpoints.
type row struct {
	key, commit, prepare, updatedAt string
	expiresAt, epoch, logID         sql.NullString
}

func (r *row) fields() []any {
	return []any{&r.key, &r.commit, &r.prepare, &r.updatedAt, &r.expiresAt, &r.epoch, &r.logID}
}

// decode reads r. The error updatedAt is about the update time only. No rule of a
// write reads the update time, and the next write replaces it.
func (r *row) decode() (stored driver.StoredCheckpoint, updatedAt error) {
	stored = driver.StoredCheckpoint{Exists: true}
	damaged := func(column, value string) error {
		return driver.DamagedCheckpoint("column %s of key %q is %.80q", column, r.key, value)
	}
	number := func(to *uint64, column, value string) {
		var ok bool
		if *to, ok = decodeNumber(value); !ok && stored.Err == nil {
			stored.Err = damaged(column, value)
		}
	}
	if r.expiresAt.Valid {
		var ok bool
		if stored.ExpiresAt, ok = decodeTime(r.expiresAt.String); !ok {
			stored.Err = damaged("expires_at", r.expiresAt.String)
		}
	}
	number(&stored.Position.Commit, "commit_position", r.commit)
	number(&stored.Position.Prepare, "prepare_position", r.prepare)
	if r.epoch.Valid {
		number(&stored.Epoch, "epoch", r.epoch.String)
	}
	stored.LogID = r.logID.String
	if stored.Err != nil {
		stored.Position = driver.Position{}
	}
	var ok bool
	if stored.UpdatedAt, ok = decodeTime(r.updatedAt); !ok {
		updatedAt = damaged("updated_at", r.updatedAt)
	}
	return stored, updatedAt
}

// stored is r as a reader sees it.
func (r *row) stored() driver.StoredCheckpoint {
	stored, updatedAt := r.decode()
	stored.Err = cmp.Or(stored.Err, updatedAt)
	return stored
}

// record decodes r. A record that has expired at now is ErrNotFound.
func (r *row) record(now time.Time) driver.Record {
	return cell.Cell{Key: r.key, Checkpoint: r.stored()}.Record(now)
}

func optionalTime(t time.Time) sql.NullString {
	if t.IsZero() {
		return sql.NullString{}
	}
	return sql.NullString{String: encodeTime(t), Valid: true}
}

func optionalNumber(n uint64) sql.NullString {
	if n == 0 {
		return sql.NullString{}
	}
	return sql.NullString{String: encodeNumber(n), Valid: true}
}

func optionalText(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

const fenceColumns = "epoch, raised"

// A fenceRow is one stored row of the table fences.
type fenceRow struct {
	epoch  string
	raised sql.NullString
}

func (r *fenceRow) fields() []any { return []any{&r.epoch, &r.raised} }

func (r *fenceRow) fence() driver.Fence {
	epoch, ok := decodeNumber(r.epoch)
	if !ok || epoch == 0 {
		return driver.Fence{Err: driver.DamagedFence("the table fences has %.80q, not an epoch", r.epoch)}
	}
	f := driver.Fence{Epoch: epoch}
	// An earlier release raises the epoch and does not update this column.
	if of, at, ok := strings.Cut(r.raised.String, " "); ok && of == r.epoch {
		f.RaisedAt, _ = decodeTime(at)
	}
	return f
}

// encodeRaised returns the epoch of f and the time at which f was raised to it.
func encodeRaised(f driver.Fence) sql.NullString {
	if f.RaisedAt.IsZero() {
		return sql.NullString{}
	}
	return optionalText(encodeNumber(f.Epoch) + " " + encodeTime(f.RaisedAt))
}

const leaseColumns = "owner, epoch, expires_at, granted_at"

// A leaseRow is one stored row of the table leases.
type leaseRow struct {
	owner, epoch, expiresAt string
	grantedAt               sql.NullString
}

func (r *leaseRow) fields() []any { return []any{&r.owner, &r.epoch, &r.expiresAt, &r.grantedAt} }

func (r *leaseRow) lease(key string) driver.StoredLease {
	l := driver.StoredLease{Lease: driver.Lease{Key: key, Owner: r.owner}}
	damaged := func(column, value string) error {
		return driver.DamagedLease("column %s of the table leases is %.80q, so that nobody can tell whether %q still holds it",
			column, value, r.owner)
	}
	var ok bool
	if l.Epoch, ok = decodeNumber(r.epoch); !ok || l.Epoch == 0 {
		l.Err = damaged("epoch", r.epoch)
	}
	if l.ExpiresAt, ok = decodeTime(r.expiresAt); !ok {
		l.Err = cmp.Or(l.Err, damaged("expires_at", r.expiresAt))
	}
	// An earlier release moves the end and does not update this column. The TTL
	// then seems too long, which can only make the lease end later.
	if granted, ok := decodeTime(r.grantedAt.String); ok && l.Err == nil {
		l.TTL = l.ExpiresAt.Sub(granted)
	}
	return l
}
