package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.Adopter = (*Driver)(nil)

// An adoption is one call of adoptScript: lists of one kind, the latest item first.
type adoption struct {
	ttl   time.Duration
	keys  []string
	lists [][]string
}

// Adopt implements [driver.Adopter]. It fails if anything but a list is at the Redis key of
// a list that it would store.
func (d *Driver) Adopt(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error {
	if !d.fenced {
		return errNoAudit
	}
	if err := d.ready(ctx); err != nil {
		return err
	}
	adoptions, err := d.adoptions(key, entries, samples)
	if err != nil {
		return err
	}
	replies := d.run(ctx, adoptScript, len(adoptions), func(i int, to []any) []any { return adoptions[i].args(to) })
	var errs []error
	for i, r := range replies {
		errs = append(errs, adoptions[i].outcome(r))
	}
	return errors.Join(errs...)
}

func (d *Driver) adoptions(key string, entries []driver.AuditEntry, samples []driver.Sample) (all []adoption, err error) {
	if len(entries) > 0 {
		list, err := encodeEntries(entries)
		if err != nil {
			return nil, err
		}
		all = append(all, adoption{driver.AuditAge, []string{d.auditKey(key)}, [][]string{list}})
	}
	if len(samples) > 0 {
		latest, hours, err := encodeSamples(samples)
		if err != nil {
			return nil, err
		}
		latestKey, hoursKey := d.samplesKeys(key)
		all = append(all, adoption{driver.SampleAge, []string{latestKey, hoursKey}, [][]string{latest, hours}})
	}
	return all, nil
}

func (a *adoption) args(to []any) []any {
	to = append(to, len(a.keys))
	for _, key := range a.keys {
		to = append(to, key)
	}
	to = append(to, a.ttl.Milliseconds())
	for _, list := range a.lists {
		to = append(to, len(list))
		for _, item := range slices.Backward(list) {
			to = append(to, item)
		}
	}
	return to
}

func (a *adoption) outcome(r reply) error {
	place, ok := r.value.(int64)
	switch {
	case r.err != nil:
		return r.err
	case ok && place == 0:
		return r.doubt
	case ok && place > 0 && int(place) <= len(a.keys):
		return fmt.Errorf("redisstore: Redis key %q is no list: remove the key", a.keys[place-1])
	}
	return unexpected("the script", r.value)
}

func encodeEntries(entries []driver.AuditEntry) (list []string, err error) {
	for _, e := range entries[:min(len(entries), driver.AuditEntries)] {
		text, err := encodeEntry(e)
		if err == nil {
			_, err = decodeEntry(text)
		}
		if err != nil {
			return nil, fmt.Errorf("redisstore: the audit entry of %v cannot be stored: %w", e.At, err)
		}
		list = append(list, text)
	}
	return list, nil
}

// encodeSamples returns the samples as the two lists have them.
func encodeSamples(samples []driver.Sample) (latest, hours []string, err error) {
	for _, s := range samples {
		text := encodeSample(s)
		if _, ok := decodeSample(text); !ok {
			return nil, nil, fmt.Errorf("redisstore: the sample of %v cannot be stored", s.At)
		}
		if len(latest) < driver.SampleCount {
			latest = append(latest, text)
		}
		if s.Hourly && len(hours) < driver.HourlySampleCount {
			hours = append(hours, text)
		}
	}
	return latest, hours, nil
}
