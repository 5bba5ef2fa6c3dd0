package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// The names of the methods, as errors, log records and observers show them.
const (
	opGet        = "get"
	opSet        = "set"
	opSetIfNewer = "setIfNewer"
	opDelete     = "delete"
	opExists     = "exists"
	opScan       = "scan"
	opGetAll     = "getAll"
	opClear      = "clear"
	opGetMany    = "getMany"
	opApply      = "apply"
	opTouch      = "touch"
	opRewind     = "rewind"
	opAcquire    = "acquire"
	opRenew      = "renew"
	opRelease    = "release"
	opLeaseEnds  = "leaseEnds"

	opAcquireMany   = "acquireMany"
	opRenewMany     = "renewMany"
	opReleaseMany   = "releaseMany"
	opInspect       = "inspect"
	opInspectMany   = "inspectMany"
	opInspectAll    = "inspectAll"
	opFence         = "fence"
	opRevoke        = "revoke"
	opHistory       = "history"
	opSamples       = "samples"
	opAdopt         = "adopt"
	opReport        = "report"
	opStatuses      = "statuses"
	opPause         = "pause"
	opResume        = "resume"
	opReleaseFences = "releaseFences"
	opBeat          = "beat"
	opDeclareGroup  = "declareGroup"
	opLeave         = "leave"
	opGroup         = "group"
	opGroups        = "groups"
	opOrderGroup    = "orderGroup"
	opWithdrawOrder = "withdrawOrder"
)

// A Store keeps checkpoints in an engine. Its methods may be called from any number of
// goroutines at once.
//
// Every error is an [*Error]. A key that is not 1 to 512 bytes of valid UTF-8 without
// control characters is refused with [ErrInvalidKey] before anything is sent. An error
// other than [ErrNotFound], [ErrCorrupt] or [ErrFenced] says nothing about the
// checkpoint: the checkpoint may still be there.
//
// Every method returns soon after its context ends, with an error that wraps
// context.Cause. There is one exception: if the cause wraps an error of this package,
// it is the answer of another call. Then the error shows the text of the cause, and
// wraps the context's Err alone.
//
// If a write fails because its context ended or because the engine failed, it may have
// landed all the same. You can safely repeat a SetIfNewer.
type Store struct {
	driver      driver.Driver
	engine      string
	starters    []CallStarter
	enders      []CallEnder
	observed    bool                           // whether there is any of them
	sampleEvery func(key string) time.Duration // nil: the Store keeps no samples
	closed      atomic.Bool
}

// New returns a Store over d. The Store owns d, and closes it in Close. The options may
// be nil. New panics if d is nil.
func New(d driver.Driver, opts *Options) *Store {
	if d == nil {
		panic("checkpoint: New with a nil driver")
	}
	s := &Store{driver: d, engine: driver.Name(d)}
	if opts == nil {
		opts = new(Options)
	}
	if _, ok := d.(driver.Sampler); ok {
		s.sampleEvery = opts.SampleEvery
		if s.sampleEvery == nil {
			s.sampleEvery = everyFiveMinutes
		}
	}
	s.starters = HooksOf[CallStarter](opts.Observers)
	s.enders = HooksOf[CallEnder](opts.Observers)
	if opts.Logger != nil {
		component := slog.String("component", s.engine+"CheckpointStore")
		s.enders = append([]CallEnder{logging{opts.Logger.With(component)}}, s.enders...)
	}
	s.observed = len(s.starters)+len(s.enders) > 0
	return s
}

// Close closes the driver. A call that is under way ends as it would without Close, or
// with [ErrClosed]. Every later call fails with [ErrClosed], except Close, which returns
// nil.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if err := s.driver.Close(); err != nil {
		return &Error{Op: "close", Err: err}
	}
	return nil
}

// Get returns the checkpoint at key. The error is [ErrNotFound] if there is none, and
// [ErrCorrupt] if the checkpoint is damaged.
func (s *Store) Get(ctx context.Context, key string) (Checkpoint, error) {
	return s.get(ctx, opGet, key)
}

// Exists reports whether there is a checkpoint at key. If the checkpoint is damaged,
// the error is [ErrCorrupt].
func (s *Store) Exists(ctx context.Context, key string) (bool, error) {
	_, err := s.get(ctx, opExists, key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (s *Store) get(ctx context.Context, op, key string) (Checkpoint, error) {
	c := call{Call: Call{Op: op, Key: key, Size: 1}}
	ctx = s.begin(ctx, &c)
	checkpoint, err := s.getOne(ctx, key)
	err = c.wrap(err)
	result := CallResult{Err: err}
	switch {
	case err == nil:
		result.Count = 1
	case op == opExists && errors.Is(err, ErrNotFound):
		result.Err = nil // as Exists returns it
	}
	s.end(&c, result)
	return checkpoint, err
}

func (s *Store) getOne(ctx context.Context, key string) (Checkpoint, error) {
	if err := ValidateKey(key); err != nil {
		return Checkpoint{}, err
	}
	records, err := s.read(ctx, []string{key})
	if err != nil {
		return Checkpoint{}, err
	}
	if err := records[0].Err; err != nil {
		return Checkpoint{}, err
	}
	return fromRecord(records[0]), nil
}

func (s *Store) read(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	return driver.Get(ctx, s.driver, keys)
}

// GetMany returns the checkpoints at keys, by key. A key without a checkpoint is not in
// the map. If some checkpoints are damaged or cannot be read, the error names each of
// their keys, and the map holds the others. A nil map says that no checkpoint could be
// read.
func (s *Store) GetMany(ctx context.Context, keys ...string) (map[string]Checkpoint, error) {
	c := call{Call: Call{Op: opGetMany, Size: len(keys)}}
	ctx = s.begin(ctx, &c)
	found, err := s.getMany(ctx, keys)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: len(found), Err: err})
	return found, err
}

func (s *Store) getMany(ctx context.Context, keys []string) (map[string]Checkpoint, error) {
	for _, key := range keys {
		if err := ValidateKey(key); err != nil {
			return nil, fmt.Errorf("%q: %w", key, err)
		}
	}
	records, err := s.read(ctx, keys)
	if err != nil {
		return nil, err
	}
	found := make(map[string]Checkpoint, len(keys))
	var failed []error
	for i, r := range records {
		switch {
		case r.Err == nil:
			found[keys[i]] = fromRecord(r)
		case !errors.Is(r.Err, ErrNotFound):
			failed = append(failed, fmt.Errorf("%q: %w", keys[i], r.Err))
		}
	}
	if failed == nil {
		return found, nil
	}
	return found, keysError{errors.Join(failed...), failed}
}

// A keysError is the errors of some keys of a batch.
type keysError struct {
	error
	errs []error
}

func (e keysError) Unwrap() []error { return e.errs }

func (e keysError) each() []error { return e.errs }

// Delete removes the checkpoint at key, damaged or not. If there is none, Delete
// returns no error. Delete keeps the highest epoch that the key has seen, so that a
// writer that was fenced out stays out.
func (s *Store) Delete(ctx context.Context, key string) error {
	c := call{Call: Call{Op: opDelete, Key: key, Size: 1}}
	ctx = s.begin(ctx, &c)
	n, err := s.deleteOne(ctx, key)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: n, Err: err})
	return err
}

func (s *Store) deleteOne(ctx context.Context, key string) (int, error) {
	if err := ValidateKey(key); err != nil {
		return 0, err
	}
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	return s.driver.Delete(ctx, []string{key})
}

// Touch makes the checkpoint at key expire ttl from now, or never if ttl is zero, and
// leaves everything else as it is. The error is [ErrNotFound] if there is no
// checkpoint, and [ErrCorrupt] if the checkpoint is damaged.
func (s *Store) Touch(ctx context.Context, key string, ttl time.Duration) error {
	_, err := s.writeOne(ctx, opTouch, driver.Touch, &Write{Key: key, TTL: ttl}, nil)
	return err
}
