package sqlitestore

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// A transaction is one transaction, which no other writer sees half done. An
// error of a method is SQLite's, and ends the transaction.
type transaction struct {
	*statements
	now   time.Time
	known *known // nil where the connection is the caller's

	updatedAt, nowText timeText
}

func failed(err error) (driver.Result, error) {
	return driver.Result{Outcome: driver.Failed, Err: err}, nil
}

func (t *transaction) write(w *driver.Write) (driver.Result, error) {
	var fence uint64
	if w.Epoch != 0 || w.Mode == driver.Rewind {
		var damaged, err error
		fence, damaged, err = t.fence(w.Key)
		if damaged == nil && err == nil {
			damaged, err = t.lost(w.Key, fence)
		}
		if err != nil {
			return driver.Result{}, err
		}
		if damaged != nil {
			return failed(damaged)
		}
		if w.Epoch != 0 && w.Epoch < fence {
			return driver.Result{Outcome: driver.Fenced, Epoch: fence}, nil
		}
	}
	switch w.Mode {
	case driver.IfNewer:
		return t.writeIfNewer(w, fence)
	case driver.Touch:
		return t.touch(w, fence)
	case driver.Rewind:
		epoch := max(fence, w.Epoch)
		if epoch == math.MaxUint64 {
			return failed(driver.ErrEpochExhausted)
		}
		return t.put(w, driver.Advanced, fence, epoch+1)
	}
	return t.put(w, driver.Advanced, fence, w.Epoch)
}

func (t *transaction) writeIfNewer(w *driver.Write, fence uint64) (driver.Result, error) {
	stored, err := t.stands(w.Key)
	switch {
	case err != nil:
		return driver.Result{}, err
	case errors.Is(stored.Err, checkpoint.ErrNotFound):
		return t.put(w, driver.Advanced, fence, w.Epoch)
	case stored.Err != nil:
		return failed(stored.Err)
	}
	switch w.Position.Compare(stored.Position) {
	case -1:
		return driver.Result{Outcome: driver.Stale}, t.raise(w.Key, fence, w.Epoch)
	case 0:
		return t.put(w, driver.Unchanged, fence, w.Epoch)
	}
	return t.put(w, driver.Advanced, fence, w.Epoch)
}

func (t *transaction) touch(w *driver.Write, fence uint64) (driver.Result, error) {
	stored, err := t.stands(w.Key)
	if err != nil {
		return driver.Result{}, err
	}
	if stored.Err != nil {
		return failed(stored.Err)
	}
	t.known.forget(w.Key)
	if err := t.exec(sqlTouch, expiry(t.now, w.TTL), w.Key); err != nil {
		return driver.Result{}, err
	}
	return driver.Result{Outcome: driver.Unchanged}, t.raise(w.Key, fence, w.Epoch)
}

// put stores the checkpoint and raises the fence to its epoch.
func (t *transaction) put(w *driver.Write, o driver.Outcome, fence, epoch uint64) (driver.Result, error) {
	advanced, err := t.advance(w, epoch)
	if err == nil && !advanced {
		err = t.replace(w, epoch)
	}
	if err != nil {
		return driver.Result{}, err
	}
	return driver.Result{Outcome: o, Epoch: epoch}, t.raise(w.Key, fence, epoch)
}

// advance stores the checkpoint where nothing changes but its position and
// time, and reports whether it did. The UPSERT of replace checks a row twice:
// the one that it would insert, and the one that it makes of what is there.
func (t *transaction) advance(w *driver.Write, epoch uint64) (bool, error) {
	stored, ok := t.known.get(w.Key, t.now)
	if !ok || w.TTL != 0 || !stored.ExpiresAt.IsZero() || stored.Epoch != epoch || w.LogID != "" && w.LogID != stored.LogID {
		return false, nil
	}
	n, err := t.execCount(sqlAdvance,
		encodeNumber(w.Position.Commit), encodeNumber(w.Position.Prepare), t.updatedAt.encode(w.UpdatedAt), w.Key)
	if err != nil || n == 0 {
		return false, err
	}
	stored.Position = w.Position
	t.known.put(stored)
	return true, nil
}

func (t *transaction) replace(w *driver.Write, epoch uint64) error {
	err := t.exec(sqlWrite, w.Key,
		encodeNumber(w.Position.Commit), encodeNumber(w.Position.Prepare),
		t.updatedAt.encode(w.UpdatedAt), expiry(t.now, w.TTL), optionalNumber(epoch),
		sql.NullString{String: w.LogID, Valid: w.LogID != ""}, t.nowText.encode(t.now))
	if err != nil {
		return err
	}
	stored := driver.Record{Key: w.Key, Position: w.Position, Epoch: epoch, LogID: w.LogID}
	if w.TTL != 0 {
		stored.ExpiresAt = t.now.Add(w.TTL)
	}
	t.known.put(stored)
	return nil
}

func (t *transaction) read(key string) (driver.Record, error) {
	var r row
	err := t.scan(r.fields(), sqlRead, key)
	if errors.Is(err, sql.ErrNoRows) {
		return notFound(key), nil
	}
	if err != nil {
		return driver.Record{}, err
	}
	return r.record(t.now), nil
}

// stands is what a write to key finds there. UpdatedAt has no meaning, and an
// empty LogID says nothing.
func (t *transaction) stands(key string) (driver.Record, error) {
	if r, ok := t.known.get(key, t.now); ok {
		return r, nil
	}
	r, err := t.read(key)
	if err == nil && r.Err == nil {
		t.known.put(r)
	}
	return r, err
}

// remove deletes a checkpoint, and reports whether there was one.
func (t *transaction) remove(key string) (bool, error) {
	t.known.forget(key)
	there := false
	err := t.each(func(r *row) error {
		there = !errors.Is(r.record(t.now).Err, checkpoint.ErrNotFound)
		return nil
	}, sqlRemove, key)
	return there, err
}

func (t *transaction) fence(key string) (epoch uint64, damaged, err error) {
	var text string
	err = t.scan([]any{&text}, sqlFence, key)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	epoch, ok := decodeNumber(text)
	if !ok {
		damaged = fmt.Errorf("%w: the fence of key %q is %.80q, not an epoch; set it to the highest that was in use",
			checkpoint.ErrCorrupt, key, text)
	}
	return epoch, damaged, nil
}

// lost says that fence, which is that of key, has been lowered or removed: each
// write leaves it at least at its own epoch.
func (t *transaction) lost(key string, fence uint64) (damaged, err error) {
	stored, err := t.stands(key)
	if err != nil || stored.Err != nil || stored.Epoch <= fence {
		return nil, err
	}
	return fmt.Errorf("%w: key %q has epoch %d, but its fence is %d; set the fence to the highest epoch that was in use",
		checkpoint.ErrCorrupt, key, stored.Epoch, fence), nil
}

func (t *transaction) raise(key string, from, to uint64) error {
	if to <= from {
		return nil
	}
	return t.exec(sqlRaise, key, encodeNumber(to))
}

const (
	purgeInterval = time.Minute
	purgeLimit    = 1000
)

// A purgePlace is a row by order of its expiry. The zero one is before all.
type purgePlace struct{ expiresAt, key string }

// purge removes checkpoints that have expired, which nobody sees any more, of
// the first rows after a place, limit at most. It leaves damaged ones: what
// their expiry was meant to be, nobody knows. The place that it returns is where
// to go on, and zero where no more follow.
func (t *transaction) purge(after purgePlace, limit int) (purgePlace, error) {
	var expired []purgePlace
	n := 0
	err := t.each(func(r *row) error {
		n++
		after = purgePlace{r.expiresAt.String, r.key}
		if errors.Is(r.record(t.now).Err, checkpoint.ErrNotFound) {
			expired = append(expired, after)
		}
		return nil
	}, sqlExpired, encodeTime(t.now), after.expiresAt, after.key, limit)
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
