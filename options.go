package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Options configures a [Store]. A nil *Options is the zero Options.
type Options struct {
	// Logger receives one record per call. Nil: the Store logs nothing. The level is
	//
	//   - debug if the call worked, found no checkpoint, found the lease held, or its
	//     caller canceled it;
	//   - warn if it found a stale position, a low epoch or damage;
	//   - error if it failed, or one lease of a batch failed. A LeaseEnds that fails is
	//     debug.
	Logger *slog.Logger

	// Observers hear of every call, in the order of the list, after the Logger: see
	// [CallStarter] and [CallEnder]. A nil observer is skipped.
	Observers []Observer

	// SampleEvery returns how far apart the samples of a key are: see [Store.Samples].
	// Zero or less: the Store keeps no samples of the key. SampleEvery must be fast, and
	// safe for concurrent use. Nil: 5 minutes for each key.
	SampleEvery func(key string) time.Duration
}

// A WriteOption changes how the Store writes one position. [TTL], [UpdatedAt],
// [Epoch], [LogID] and [By] return WriteOptions.
type WriteOption struct {
	kind writeOptionKind
	ttl  time.Duration
	at   time.Time
	n    uint64
	text string
	by   *driver.By
}

type writeOptionKind uint8

const (
	ttlOption writeOptionKind = iota + 1
	updatedAtOption
	epochOption
	logIDOption
	byOption
)

// TTL makes the checkpoint expire d after it is written, by the engine's clock. A part
// of a millisecond counts as a whole one. An engine that counts in longer units rounds d
// up to a whole one. Zero means no expiry, and so does a write without this option: both
// clear an expiry that was there. A negative duration is an error.
func TTL(d time.Duration) WriteOption { return WriteOption{kind: ttlOption, ttl: d} }

// UpdatedAt sets the time that is stored with the position, cut to whole milliseconds,
// in place of the time of the call. A time outside the years 1 to 9999 is an error. The
// zero time means the time of the call.
func UpdatedAt(t time.Time) WriteOption { return WriteOption{kind: updatedAtOption, at: t} }

// Epoch fences the write. If n is below the highest epoch that the key has seen, the
// write fails with [ErrFenced]. Otherwise n becomes the highest epoch, in the same
// atomic step. Zero leaves the write unfenced.
func Epoch(n uint64) WriteOption { return WriteOption{kind: epochOption, n: n} }

// LogID stores the identity of the log that the position is in: up to 512 bytes of
// valid UTF-8 without control characters. A write without a LogID, or with an empty
// LogID, keeps the stored identity. The identity goes with the checkpoint, when it is
// deleted or expires.
func LogID(id string) WriteOption { return WriteOption{kind: logIDOption, text: id} }

// A Write is one position to be written by [Store.Apply].
type Write struct {
	Key     string
	IfNewer bool          // as SetIfNewer does; otherwise as Set does
	TTL     time.Duration // see the option [TTL]

	// By means the same as the option [By]. Nil: what [WithBy] says holds, unless IfNewer
	// is set.
	By *driver.By

	// Mark holds the position and its time. A zero UpdatedAt means the time of the call.
	// Epoch and LogID mean the same as the options [Epoch] and [LogID].
	Mark
}

func (w *Write) apply(opts []WriteOption) {
	for i := range opts {
		switch o := &opts[i]; o.kind {
		case ttlOption:
			w.TTL = o.ttl
		case updatedAtOption:
			w.UpdatedAt = o.at
		case epochOption:
			w.Epoch = o.n
		case logIDOption:
			w.LogID = o.text
		case byOption:
			w.By = o.by
		}
	}
}

var errYear = errors.New("updatedAt is outside the years 1 to 9999")

// forDriver checks w, a write of c, and puts it into to in the form that drivers take.
func (s *Store) forDriver(c *call, w *Write, mode driver.Mode, to *driver.Write) error {
	if err := ValidateKey(w.Key); err != nil {
		return err
	}
	ttl, err := wholeMilliseconds(w.TTL)
	if err != nil {
		return err
	}
	if err := ValidateLogID(w.LogID); err != nil {
		return fmt.Errorf("LogID: %w", err)
	}
	at := w.UpdatedAt
	if at.IsZero() {
		at = c.began()
	} else if y := at.UTC().Year(); y < 1 || y > 9999 {
		return errYear
	}
	at = time.UnixMilli(at.UnixMilli()).UTC() // faster than Truncate, and the same
	to.Key, to.Mode, to.TTL, to.Mark = w.Key, mode, ttl, w.Mark
	to.UpdatedAt, to.SampleBefore, to.By = at, s.sampleBefore(w.Key, at), w.by(c.ctx, mode)
	return nil
}

// by returns who makes the write by hand. A context says so only for the writes that a
// consumer does not make.
func (w *Write) by(ctx context.Context, mode driver.Mode) *driver.By {
	switch {
	case w.By != nil:
		return new(w.By.Clean())
	case mode != driver.Set && mode != driver.Rewind:
		return nil
	}
	if by := driver.ByOf(ctx); by != (driver.By{}) {
		return new(by)
	}
	return nil
}

func wholeMilliseconds(ttl time.Duration) (time.Duration, error) {
	if ttl < 0 {
		return 0, fmt.Errorf("TTL is %v, it must not be negative", ttl)
	}
	if whole := ttl.Truncate(time.Millisecond); whole < ttl && whole <= math.MaxInt64-time.Millisecond {
		return whole + time.Millisecond, nil
	}
	return ttl.Truncate(time.Millisecond), nil
}

// A ScanOption changes how the Store walks over keys. [PageSize] returns a ScanOption.
type ScanOption struct{ pageSize int }

const defaultPageSize = 500

// PageSize sets about how many keys the Store fetches from the engine at a time: from 1
// to 100,000. The default is 500. PageSize bounds memory, and the time for which one
// step occupies the engine. It does not change which keys the Store finds.
func PageSize(n int) ScanOption { return ScanOption{pageSize: n} }

func pageSize(opts []ScanOption) (int, error) {
	size := defaultPageSize
	for _, o := range opts {
		size = o.pageSize
	}
	if size < 1 || size > 100_000 {
		return 0, fmt.Errorf("page size is %d, want 1 to 100000", size)
	}
	return size, nil
}
