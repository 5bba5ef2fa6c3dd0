package pgstore

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// All parameters and all results are text, so that every client, in every mode, sends
// and reads the same. A numeric is decimal, and a time is in milliseconds since 1970.

func encodeNumber(n uint64) string { return strconv.FormatUint(n, 10) }

func decodeNumber(s *string) (uint64, bool) {
	if s == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(*s, 10, 64)
	return n, err == nil
}

// encodeTime returns "" for the zero time.
func encodeTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(driver.TimeLayout)
}

// encodeBefore returns a time that no checkpoint is before for the zero time.
func encodeBefore(t time.Time) string { return cmp.Or(encodeTime(t), "-infinity") }

// decodeTime wants a year that Go can write: 'infinity' is no time.
func decodeTime(s *string) (time.Time, bool) {
	if s == nil {
		return time.Time{}, false
	}
	ms, err := strconv.ParseInt(*s, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	t := time.UnixMilli(ms).UTC()
	return t, t.Year() >= 1 && t.Year() <= 9999
}

// A list is the text of an array, as PostgreSQL reads it.
type list struct{ strings.Builder }

func (l *list) add(s string) {
	if l.Len() == 0 {
		l.WriteByte('{')
	} else {
		l.WriteByte(',')
	}
	l.WriteByte('"')
	for from := 0; ; {
		i := strings.IndexAny(s[from:], `"\`)
		if i < 0 {
			l.WriteString(s[from:])
			break
		}
		l.WriteString(s[from : from+i])
		l.WriteByte('\\')
		l.WriteByte(s[from+i])
		from += i + 1
	}
	l.WriteByte('"')
}

// addOptional adds NULL for "".
func (l *list) addOptional(s string) {
	if s != "" {
		l.add(s)
		return
	}
	if l.Len() == 0 {
		l.WriteString("{NULL")
	} else {
		l.WriteString(",NULL")
	}
}

func (l *list) text() string {
	if l.Len() == 0 {
		return "{}"
	}
	return l.String() + "}"
}

func listOf(items []string) string {
	var l list
	for _, s := range items {
		l.add(s)
	}
	return l.text()
}

// A row is one row of the table checkpoints. A nil column is NULL.
type row struct {
	key                                                 string
	commit, prepare, updatedAt, expiresAt, epoch, logID *string
}

// fields are in the order of the columns.
func (r *row) fields() []any {
	return []any{&r.key, &r.commit, &r.prepare, &r.updatedAt, &r.expiresAt, &r.epoch, &r.logID}
}

func text(s *string) string {
	if s == nil {
		return "NULL"
	}
	return *s
}

// decode reads r. The error updatedAt is about the update time only. No rule of a write
// reads the update time, and the next write replaces it.
func (r *row) decode() (stored driver.StoredCheckpoint, updatedAt error) {
	stored = driver.StoredCheckpoint{Exists: true}
	damaged := func(column string, value *string) error {
		return driver.DamagedCheckpoint("column %s of key %q is %.80s", column, r.key, text(value))
	}
	number := func(to *uint64, column string, value *string) {
		var ok bool
		if *to, ok = decodeNumber(value); !ok {
			stored.Err = cmp.Or(stored.Err, damaged(column, value))
		}
	}
	var ok bool
	if r.expiresAt != nil {
		if stored.ExpiresAt, ok = decodeTime(r.expiresAt); !ok {
			stored.ExpiresAt = time.Time{}
			stored.Err = damaged("expires_at", r.expiresAt)
		}
	}
	number(&stored.Position.Commit, "commit_position", r.commit)
	number(&stored.Position.Prepare, "prepare_position", r.prepare)
	number(&stored.Epoch, "epoch", r.epoch)
	if r.logID == nil {
		stored.Err = cmp.Or(stored.Err, damaged("log_id", r.logID))
	} else {
		stored.LogID = *r.logID
	}
	if stored.Err != nil {
		stored.Position = driver.Position{}
	}
	if stored.UpdatedAt, ok = decodeTime(r.updatedAt); !ok {
		stored.UpdatedAt = time.Time{}
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

// A fenceRow is one row of the table checkpoint_fences.
type fenceRow struct {
	key                                             string
	epoch, raisedAt, owner, leaseEpoch, ttl, endsAt *string
}

func (r *fenceRow) fields() []any {
	return []any{&r.key, &r.epoch, &r.raisedAt, &r.owner, &r.leaseEpoch, &r.ttl, &r.endsAt}
}

func (r *fenceRow) fence() driver.Fence {
	epoch, ok := decodeNumber(r.epoch)
	if !ok || epoch == 0 {
		return driver.Fence{Err: driver.DamagedFence("column epoch of key %q is %.80s", r.key, text(r.epoch))}
	}
	f := driver.Fence{Epoch: epoch}
	if raised, ok := decodeTime(r.raisedAt); ok {
		f.RaisedAt = raised
	}
	return f
}

func (r *fenceRow) lease() driver.StoredLease {
	if r.owner == nil && r.leaseEpoch == nil && r.ttl == nil && r.endsAt == nil {
		return driver.StoredLease{}
	}
	l := driver.StoredLease{Lease: driver.Lease{Key: r.key}}
	damaged := func(column string, value *string) {
		l.Err = cmp.Or(l.Err, driver.DamagedLease("column %s is %.80s, so that nobody can tell whether %q still holds it",
			column, text(value), l.Owner))
	}
	if r.owner != nil {
		l.Owner = *r.owner
	}
	if l.Owner == "" {
		damaged("lease_owner", r.owner)
	}
	var ok bool
	if l.Epoch, ok = decodeNumber(r.leaseEpoch); !ok || l.Epoch == 0 {
		damaged("lease_epoch", r.leaseEpoch)
	}
	ends, ok := decodeTime(r.endsAt)
	if !ok {
		damaged("lease_expires_at", r.endsAt)
	}
	ms, ok := decodeNumber(r.ttl)
	ttl := time.Duration(ms) * time.Millisecond                      //nolint:gosec // compared below
	if !ok || ttl < 0 || ttl/time.Millisecond != time.Duration(ms) { //nolint:gosec // as above
		damaged("lease_ttl_ms", r.ttl)
	}
	if l.Err == nil {
		l.ExpiresAt, l.TTL = ends, ttl
	}
	return l
}
