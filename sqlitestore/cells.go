package sqlitestore

import (
	"database/sql"
	"errors"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// A transaction is one SQLite transaction. No other writer sees it half done. It
// loads a cell, lets package cell decide, and stores the difference. If a method
// returns an error, the error is SQLite's and ends the transaction.
type transaction struct {
	*statements
	now   time.Time
	known *known // nil if the connection is the caller's

	times timeText
}

// parts is a set of parts of a cell, without the checkpoint.
type parts uint8

const (
	fences parts = 1 << iota
	leases
)

func (t *transaction) write(w *driver.Write) (driver.Result, error) {
	var with parts
	if w.Epoch != 0 || cell.Audited(w) {
		with = fences
	}
	before, err := t.load(w.Key, with)
	if err != nil {
		return driver.Result{}, err
	}
	after, result := before.Write(*w, t.now)
	if err := t.store(before, after); err != nil {
		return driver.Result{}, err
	}
	if sample, ok := cell.WriteSample(&before, w, result, t.now); ok {
		if err := t.keepSample(w.Key, sample); err != nil {
			return driver.Result{}, err
		}
	}
	return result, t.note(w.Key, cell.WriteEntry(&before, &after, w, result, t.now))
}

// load reads the checkpoint of key, and the parts in with.
func (t *transaction) load(key string, with parts) (cell.Cell, error) {
	c := cell.Cell{Key: key}
	var err error
	if c.Checkpoint, err = t.checkpoint(key); err != nil {
		return c, err
	}
	if with&fences != 0 {
		var f fenceRow
		if there, err := t.find(f.fields(), sqlFence, key); err != nil {
			return c, err
		} else if there {
			c.Fence = f.fence()
		}
	}
	if with&leases != 0 {
		var l leaseRow
		if there, err := t.find(l.fields(), sqlLease, key); err != nil {
			return c, err
		} else if there {
			c.Lease = l.lease(key)
		}
	}
	return c, nil
}

// checkpoint returns the checkpoint at key as a write finds it. Its update time
// may be damaged, since no rule reads it.
func (t *transaction) checkpoint(key string) (driver.StoredCheckpoint, error) {
	if stored, ok := t.known.get(key); ok {
		return stored, nil
	}
	var r row
	there, err := t.find(r.fields(), sqlRead, key)
	if err != nil || !there {
		return driver.StoredCheckpoint{}, err
	}
	stored, _ := r.decode()
	t.known.put(key, stored)
	return stored, nil
}

// find reads the row that query finds, if there is one.
func (t *transaction) find(to []any, query string, args ...any) (bool, error) {
	err := t.scan(to, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// store stores the difference between the cells before and after of one key.
func (t *transaction) store(before, after cell.Cell) error {
	if after.Checkpoint != before.Checkpoint {
		if err := t.storeCheckpoint(before.Key, before.Checkpoint, after.Checkpoint); err != nil {
			return err
		}
	}
	if after.Fence != before.Fence {
		if err := t.storeFence(before.Key, after.Fence); err != nil {
			return err
		}
	}
	if after.Lease != before.Lease {
		return t.storeLease(before.Key, after.Lease)
	}
	return nil
}

// storeCheckpoint updates only the columns that change, if it can. For an UPSERT,
// SQLite checks two rows: the row to insert, and the updated row. An update also
// leaves a damaged time as it is.
func (t *transaction) storeCheckpoint(key string, before, after driver.StoredCheckpoint) error {
	t.known.forget(key)
	if !after.Exists {
		return t.exec(sqlDelete, key)
	}
	if err := storable(after.UpdatedAt, after.ExpiresAt); err != nil {
		return err
	}
	moved, touched := before, before
	moved.Position, moved.UpdatedAt = after.Position, after.UpdatedAt
	touched.ExpiresAt = after.ExpiresAt
	n, err := int64(0), error(nil)
	switch {
	case !before.Exists || before.Err != nil:
	case moved == after:
		n, err = t.execCount(sqlAdvance, encodeNumber(after.Position.Commit), encodeNumber(after.Position.Prepare),
			t.times.encode(after.UpdatedAt), key)
	case touched == after:
		n, err = t.execCount(sqlTouch, optionalTime(after.ExpiresAt), key)
	}
	if err == nil && n == 0 {
		err = t.exec(sqlWrite, key, encodeNumber(after.Position.Commit), encodeNumber(after.Position.Prepare),
			t.times.encode(after.UpdatedAt), optionalTime(after.ExpiresAt), optionalNumber(after.Epoch), optionalText(after.LogID))
	}
	if err != nil {
		return err
	}
	t.known.put(key, after)
	return nil
}

func (t *transaction) storeFence(key string, f driver.Fence) error {
	if !f.Exists() {
		return t.exec(sqlForgetFence, key)
	}
	return t.exec(sqlRaise, key, encodeNumber(f.Epoch), encodeRaised(f))
}

func (t *transaction) storeLease(key string, l driver.StoredLease) error {
	if !l.Exists() {
		return t.exec(sqlRelease, key)
	}
	if err := storable(l.ExpiresAt); err != nil {
		return err
	}
	return t.exec(sqlGrant, key, l.Owner, encodeNumber(l.Epoch), encodeTime(l.ExpiresAt), encodeTime(l.ExpiresAt.Add(-l.TTL)))
}

const (
	purgeInterval = time.Minute
	purgeLimit    = 1000
)

// A purgePlace is a row's place in the order of expiry. The zero place is
// before every row.
type purgePlace struct{ expiresAt, key string }

// purge looks at the first rows after a place, limit at most, and removes the
// checkpoints that have expired. Nobody can read those any more. It leaves
// damaged checkpoints, since nobody knows when they were meant to expire. It
// returns the place to go on from, or the zero place if no rows follow.
func (t *transaction) purge(after purgePlace, limit int) (purgePlace, error) {
	var expired []purgePlace
	n := 0
	err := t.each(func(r *row) error {
		n++
		after = purgePlace{r.expiresAt.String, r.key}
		if errors.Is(r.record(t.now).Err, driver.ErrNotFound) {
			expired = append(expired, after)
		}
		return nil
	}, sqlExpired, encodeTime(t.now.UTC()), after.expiresAt, after.key, limit)
	if err != nil {
		return purgePlace{}, err
	}
	for _, p := range expired {
		t.known.forget(p.key)
		if err := t.exec(sqlPurge, p.key, p.expiresAt); err != nil {
			return purgePlace{}, err
		}
	}
	if n < limit {
		return purgePlace{}, nil
	}
	return after, nil
}
