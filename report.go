package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A KeyStatus is what the instances of one consumer say of themselves.
type KeyStatus struct {
	Key       string
	Pause     *Pause   // nil: the key is not paused
	Instances []Status // in the order of their names
}

// Report stores status, which an instance says of itself at key, for ttl. It replaces the
// earlier status of the instance. A ttl of zero removes the status, and a negative ttl is
// an error. Report returns the key's pause, or nil. The At of this pause is zero:
// [Store.Statuses] returns the time. Package subscription calls Report for its consumers.
//
// At the keys "groups", "group:NAME:members" and "group:NAME:orders" are the reports of
// groups. Report and Pause refuse them, and Statuses finds nothing there.
//
// Report cuts a Host of more than 255 bytes, a Version of more than 64, and a LastError of
// more than 512. If the instance's name is not 1 to 256 bytes of valid UTF-8 without
// control characters, Report returns an error. If the engine keeps no reports, the error
// is [ErrUnsupported].
func (s *Store) Report(ctx context.Context, key string, status Status, ttl time.Duration) (*Pause, error) {
	r := driver.Report{Key: key, Instance: status.Instance}
	err := errors.Join(validateReported(key), validateInstance(status.Instance))
	if err == nil {
		r.TTL, err = wholeMilliseconds(ttl)
	}
	if err == nil && ttl > 0 {
		r.Text, err = status.text()
	}
	notice, err := s.report(ctx, opReport, key, r, err)
	return pauseOf(notice, time.Time{}), err
}

func validateReported(key string) error {
	if isOfGroups(key) {
		return fmt.Errorf("%w: the reports of groups are at the key %q: give the consumer another key", ErrInvalidKey, key)
	}
	return nil
}

func validateInstance(name string) error {
	if len(name) > 256 {
		return fmt.Errorf("the instance's name has %d bytes, want 256 at most", len(name))
	}
	if err := ValidateKey(name); err != nil {
		return errors.New("the instance's name must be 1 to 256 bytes of valid UTF-8 without control characters")
	}
	return nil
}

// Pause asks the instances of the consumer at key to stop, until [Store.Resume]. It is a
// request: the checkpoint, the fence and the lease stay as they are, and nothing keeps a
// writer from writing. A subscription hears of it with its next report, reads no more, and
// stores what it has done. A subscription that opens meanwhile waits. The context says
// who pauses the key, and why: see [WithBy]. If the engine keeps no reports, the error is
// [ErrUnsupported].
func (s *Store) Pause(ctx context.Context, key string) error {
	text, err := encode(driver.ByOf(ctx))
	err = errors.Join(err, validateReported(key))
	_, err = s.report(ctx, opPause, key, driver.Report{Key: key, Text: text}, err)
	return err
}

// Resume ends a [Store.Pause]. If the key is not paused, Resume does nothing.
func (s *Store) Resume(ctx context.Context, key string) error {
	_, err := s.report(ctx, opResume, key, driver.Report{Key: key}, nil)
	return err
}

// report stores r, unless it is wrong already, and returns the notice. The call concerns
// subject: a key or a group.
func (s *Store) report(ctx context.Context, op, subject string, r driver.Report, wrong error) (notice string, err error) {
	c := call{Call: Call{Op: op, Key: subject, Size: 1}}
	ctx = s.begin(ctx, &c)
	if err = wrong; err == nil {
		notice, err = s.reportOne(ctx, r)
	}
	err = c.wrap(err)
	s.end(&c, CallResult{Count: countIf(err == nil), Err: err})
	return notice, err
}

func (s *Store) reportOne(ctx context.Context, r driver.Report) (string, error) {
	if err := ValidateKey(r.Key); err != nil {
		return "", err
	}
	if err := s.ready(ctx); err != nil {
		return "", err
	}
	results, err := driver.ReportTo(ctx, s.driver, []driver.Report{r})
	if err != nil {
		return "", err
	}
	return results[0].Notice, results[0].Err
}

// Statuses returns what the instances of the consumers at keys say of themselves, in the
// order of the keys. A status is gone when the ttl of its last [Store.Report] is over:
// then the instance has stopped or died, or cannot reach the engine. If the engine keeps
// no reports, the error is [ErrUnsupported].
func (s *Store) Statuses(ctx context.Context, keys ...string) ([]KeyStatus, error) {
	c := call{Call: Call{Op: opStatuses, Size: len(keys)}}
	ctx = s.begin(ctx, &c)
	statuses, err := s.statuses(ctx, keys)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: len(statuses), Err: err})
	return statuses, err
}

func (s *Store) statuses(ctx context.Context, keys []string) ([]KeyStatus, error) {
	for _, key := range keys {
		if err := ValidateKey(key); err != nil {
			return nil, fmt.Errorf("%q: %w", key, err)
		}
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	lists, err := driver.ReportsOf(ctx, s.driver, keys)
	if err != nil {
		return nil, err
	}
	statuses := make([]KeyStatus, len(keys))
	for i, list := range lists {
		statuses[i].Key = keys[i]
		if isOfGroups(keys[i]) {
			continue
		}
		for _, r := range list {
			if r.Instance == "" {
				statuses[i].Pause = pauseOf(r.Text, r.At)
				continue
			}
			statuses[i].Instances = append(statuses[i].Instances, statusOf(r))
		}
	}
	return statuses, nil
}
