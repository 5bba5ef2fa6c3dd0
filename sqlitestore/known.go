package sqlitestore

import (
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// known is what a session has itself read or written, by key, so that the next
// write to a key need not read it again. It holds exactly as long as SQLite's
// own cache of the file does: until another connection has changed the content,
// or a transaction is rolled back. A nil *known knows nothing.
type known struct {
	records map[string]driver.Record
	version uint32 // of the content
}

// maxKnown bounds the memory to a few megabytes. When it is full it begins anew.
const maxKnown = 10_000

// get does not return what has expired at now.
func (k *known) get(key string, now time.Time) (driver.Record, bool) {
	if k == nil {
		return driver.Record{}, false
	}
	r, ok := k.records[key]
	return r, ok && (r.ExpiresAt.IsZero() || now.Before(r.ExpiresAt))
}

func (k *known) put(r driver.Record) {
	if k == nil {
		return
	}
	if k.records == nil || len(k.records) >= maxKnown {
		k.records = make(map[string]driver.Record)
	}
	k.records[r.Key] = r
}

func (k *known) forget(key string) {
	if k != nil {
		delete(k.records, key)
	}
}
