package sqlitestore

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// namedKeys is how many keys one statement of a removal names at most.
const namedKeys = 128

// In these statements, %KEYS stands for the keys. They are parameters: a text in JSON cannot
// hold every key that somebody has put into the file by hand.
const (
	sqlReadSome    = "SELECT " + columns + " FROM checkpoints WHERE key IN (VALUES %KEYS)"
	sqlFencesSome  = "SELECT key, " + fenceColumns + " FROM fences WHERE key IN (VALUES %KEYS)"
	sqlLatestNotes = "WITH k (key) AS (VALUES %KEYS)" +
		" SELECT k.key, (" + latestNote + " WHERE audit.key = k.key) AS n FROM k WHERE n IS NOT NULL"
)

// remove deletes the checkpoints of keys, and returns how many there were. Of many keys it
// reads by one statement what is stored: one for each key would take longer than the rest.
func (t *transaction) remove(keys []string, by driver.By) (int, error) {
	n := 0
	for some := range slices.Chunk(keys, namedKeys) {
		removed, err := t.removeSome(some, by)
		if err != nil {
			return n, err
		}
		n += removed
	}
	return n, nil
}

func (t *transaction) removeSome(keys []string, by driver.By) (int, error) {
	removals, err := t.removals(keys)
	if err != nil {
		return 0, err
	}
	var notes []note
	for _, key := range keys {
		r := removals[key]
		if r == nil {
			continue
		}
		after, there := r.before.Delete(t.now)
		if err := t.store(r.before, after); err != nil {
			return 0, err
		}
		if there {
			notes = append(notes, note{key, r.latest + 1, cell.DeleteEntry(r.before, after, there, by, t.now)})
			delete(removals, key) // a key that comes twice is there once
		}
	}
	return len(notes), t.noteAll(notes)
}

// A removal is what is stored for a key that has a checkpoint.
type removal struct {
	before cell.Cell // without the lease
	latest int64     // the number of the latest audit entry
}

func (t *transaction) removals(keys []string) (map[string]*removal, error) {
	found := make(map[string]*removal, len(keys))
	add := func(key string, stored driver.StoredCheckpoint) {
		found[key] = &removal{before: cell.Cell{Key: key, Checkpoint: stored}}
	}
	var unknown []string
	for _, key := range keys {
		if stored, ok := t.known.get(key); ok {
			add(key, stored)
		} else {
			unknown = append(unknown, key)
		}
	}
	var r row
	err := t.some(unknown, sqlReadSome, r.fields(), func() {
		stored, _ := r.decode()
		add(r.key, stored)
	})
	if err != nil {
		return nil, err
	}
	var key string
	var f fenceRow
	err = t.some(keys, sqlFencesSome, append([]any{&key}, f.fields()...), func() {
		if r := found[key]; r != nil {
			r.before.Fence = f.fence()
		}
	})
	if err != nil {
		return nil, err
	}
	var latest int64
	return found, t.some(keys, sqlLatestNotes, []any{&key, &latest}, func() {
		if r := found[key]; r != nil {
			r.latest = latest
		}
	})
}

// some reads each row that query finds for keys, at most namedKeys. It repeats the first
// key until their number is a power of two: so few statements are prepared.
func (t *transaction) some(keys []string, query string, to []any, each func()) error {
	if len(keys) == 0 {
		return nil
	}
	args := make([]any, 1<<bits.Len(uint(len(keys)-1)))
	for i := range args {
		args[i] = keys[0]
		if i < len(keys) {
			args[i] = keys[i]
		}
	}
	list := strings.Repeat(", (?)", len(args))[len(", "):]
	return t.scanEach(to, each, strings.Replace(query, "%KEYS", list, 1), args...)
}
