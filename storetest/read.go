package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// read returns the records of keys. Each record may be an error.
func (c *client) read(keys ...string) []driver.Record {
	c.Helper()
	records, err := c.driver.Get(c.ctx, keys)
	if err != nil {
		c.Fatalf("Get of %d keys: %v", len(keys), err)
	}
	if len(records) != len(keys) {
		c.Fatalf("Get answered %d keys with %d records", len(keys), len(records))
	}
	for i, r := range records {
		if r.Key != keys[i] {
			c.Fatalf("Get: record %d is of key %q, want %q", i, r.Key, keys[i])
		}
	}
	return records
}

// one returns the record at key, which must be there.
func (c *client) one(key string) driver.Record {
	c.Helper()
	r := c.read(key)[0]
	if r.Err != nil {
		c.Fatalf("Get %q: %v, want a checkpoint", key, r.Err)
	}
	return r
}

func (c *client) missing(key string) {
	c.Helper()
	r := c.read(key)[0]
	if r.Err == nil {
		c.Fatalf("Get %q found %s, want ErrNotFound", key, show(r))
	}
	c.isOnly(driver.ErrNotFound, r.Err, fmt.Sprintf("Get %q", key))
}

func (c *client) damaged(key string) {
	c.Helper()
	r := c.read(key)[0]
	if r.Err == nil {
		c.Fatalf("Get %q found %s, want ErrCorruptCheckpoint", key, show(r))
	}
	c.isOnly(driver.ErrCorruptCheckpoint, r.Err, fmt.Sprintf("Get %q", key))
}

// holds checks that w is stored: its position, updatedAt, epoch and log, and
// whether there is an expiry.
func (c *client) holds(w driver.Write) {
	c.Helper()
	c.matches(c.one(w.Key), w)
}

func (c *client) matches(r driver.Record, w driver.Write) {
	c.Helper()
	switch {
	case r.Err != nil:
		c.Fatalf("Get %q: %v, want what was stored by: %s", w.Key, r.Err, describe(w))
	case r.Key != w.Key:
		c.Fatalf("the record is of key %q, want %q", r.Key, w.Key)
	case r.Position != w.Position:
		c.Fatalf("%q holds position %s, want %s", w.Key, position(r.Position), position(w.Position))
	case !r.UpdatedAt.Equal(w.UpdatedAt) || r.UpdatedAt.Location() != time.UTC:
		c.Fatalf("%q holds updatedAt %v, want %v", w.Key, r.UpdatedAt, w.UpdatedAt)
	case r.Epoch != w.Epoch:
		c.Fatalf("%q holds epoch %d, want %d", w.Key, r.Epoch, w.Epoch)
	case r.LogID != w.LogID:
		c.Fatalf("%q holds log identity %q, want %q", w.Key, r.LogID, w.LogID)
	case r.ExpiresAt.IsZero() != (w.TTL == 0):
		c.Fatalf("%q holds expiry %v after a TTL of %v", w.Key, r.ExpiresAt, w.TTL)
	case r.ExpiresAt.Location() != time.UTC:
		c.Fatalf("%q holds expiry %v, want it in UTC", w.Key, r.ExpiresAt)
	}
}

// unchanged checks that nothing has changed since before was read.
func (c *client) unchanged(before driver.Record) {
	c.Helper()
	if after := c.read(before.Key)[0]; !same(before, after) {
		c.Fatalf("%q was\n\t%s\nand has become\n\t%s", before.Key, show(before), show(after))
	}
}

// same lets expiries differ a little, since some engines tell them as time
// left. Expiries that a case tells apart differ by an hour or more.
func same(a, b driver.Record) bool {
	return a.Err == nil && b.Err == nil && a.Key == b.Key && a.Position == b.Position && a.Epoch == b.Epoch && a.LogID == b.LogID &&
		a.UpdatedAt.Equal(b.UpdatedAt) && a.ExpiresAt.IsZero() == b.ExpiresAt.IsZero() &&
		b.ExpiresAt.Sub(a.ExpiresAt).Abs() < 10*time.Minute
}

func show(r driver.Record) string {
	if r.Err != nil {
		return fmt.Sprintf("%q: %v", r.Key, r.Err)
	}
	return fmt.Sprintf("%q: position %s, updatedAt %v, expiry %v, epoch %d, log %q",
		r.Key, position(r.Position), r.UpdatedAt, r.ExpiresAt, r.Epoch, r.LogID)
}

// scan returns every key that matches pattern, sorted. Each key must come once.
func (c *client) scan(pattern string, pageSize int) []string {
	c.Helper()
	var keys []string
	seen := make(map[string]bool)
	for page, err := range c.driver.Scan(c.ctx, pattern, pageSize) {
		if err != nil {
			c.Fatalf("Scan %q by %d: %v", pattern, pageSize, err)
		}
		for _, key := range page {
			if seen[key] {
				c.Fatalf("Scan %q by %d: key %q came twice", pattern, pageSize, key)
			}
			seen[key] = true
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// lists checks that scanning with pattern finds want and nothing else.
func (c *client) lists(pattern string, pageSize int, want ...string) {
	c.Helper()
	c.sameKeys(fmt.Sprintf("Scan %q by %d", pattern, pageSize), c.scan(pattern, pageSize), want)
}

// sameKeys compares got, which is sorted, with want.
func (c *client) sameKeys(what string, got, want []string) {
	c.Helper()
	want = slices.Sorted(slices.Values(want))
	for _, key := range want {
		if _, found := slices.BinarySearch(got, key); !found {
			c.Fatalf("%s missed %q: it found %d keys of %d", what, key, len(got), len(want))
		}
	}
	for _, key := range got {
		if _, found := slices.BinarySearch(want, key); !found {
			c.Fatalf("%s found %q, which it should not", what, key)
		}
	}
	if len(got) != len(want) {
		c.Fatalf("%s found %d keys, want %d", what, len(got), len(want))
	}
}

// records does what scan does, and returns the whole records by key.
func (c *client) records(pattern string, pageSize int) map[string]driver.Record {
	c.Helper()
	all := make(map[string]driver.Record)
	for page, err := range driver.ScanRecords(c.ctx, c.driver, pattern, pageSize) {
		if err != nil {
			c.Fatalf("ScanRecords %q by %d: %v", pattern, pageSize, err)
		}
		for _, r := range page {
			if _, twice := all[r.Key]; twice {
				c.Fatalf("ScanRecords %q by %d: key %q came twice", pattern, pageSize, r.Key)
			}
			if errors.Is(r.Err, driver.ErrNotFound) {
				c.Fatalf("ScanRecords %q by %d: the record of %q is ErrNotFound", pattern, pageSize, r.Key)
			}
			all[r.Key] = r
		}
	}
	return all
}

// gone waits until key has expired.
func (c *client) gone(key string) {
	c.Helper()
	c.eventually(fmt.Sprintf("%q has expired", key), func() bool {
		r := c.read(key)[0]
		if r.Err == nil {
			return false
		}
		c.isOnly(driver.ErrNotFound, r.Err, fmt.Sprintf("Get %q around its expiry", key))
		return true
	})
}
