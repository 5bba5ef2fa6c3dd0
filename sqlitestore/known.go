package sqlitestore

import "github.com/checkpointstore/checkpoint/driver"

// known holds the checkpoints that a session has read or written itself, by
// key. So the next write to a key need not read its checkpoint again. It is
// valid exactly as long as SQLite's own cache of the file: until another
// connection changes the content, or a transaction is rolled back. A nil *known
// knows nothing.
type known struct {
	checkpoints map[string]driver.StoredCheckpoint // sound ones
	version     uint32                             // of the content
}

// maxKnown bounds the memory to a few megabytes. When known is full it is
// emptied.
const maxKnown = 10_000

func (k *known) get(key string) (driver.StoredCheckpoint, bool) {
	if k == nil {
		return driver.StoredCheckpoint{}, false
	}
	stored, ok := k.checkpoints[key]
	return stored, ok
}

func (k *known) put(key string, stored driver.StoredCheckpoint) {
	if k == nil || !stored.Exists || stored.Err != nil {
		return
	}
	if k.checkpoints == nil || len(k.checkpoints) >= maxKnown {
		k.checkpoints = make(map[string]driver.StoredCheckpoint)
	}
	k.checkpoints[key] = stored
}

func (k *known) forget(key string) {
	if k != nil {
		delete(k.checkpoints, key)
	}
}
