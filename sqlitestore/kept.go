package sqlitestore

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/checkpointstore/checkpoint/driver"
)

// kept holds checkpoints that were read while the file had one content. Its answer is the
// one that SQLite would give now:
//
//   - Each process finds commits by the header of the shared memory alone. So a commit
//     changes the header before any COMMIT returns.
//   - The header has the log's salts, how many frames the log has, and their checksum. So
//     no two contents share a header.
//   - kept takes a checkpoint if the header was the same before and after its read, and
//     answers if the header is the same now.
//   - No process can change the file without the log while this store has it open. The
//     caller checks that the files are still those that were opened.
//   - Whether a checkpoint has expired is decided at each answer. Absence and damage are
//     never kept.
type kept struct {
	mu     sync.RWMutex
	index  *walIndex // nil: nobody has asked for it, or the store is closed
	closed bool
	header walHeader // of the content that known is of
	known  known
}

// A walHeader is the header of SQLite's shared memory, as https://www.sqlite.org/walformat.html
// describes it.
type walHeader [6]uint64

// A walIndex is where the shared memory begins. A writer changes the second copy of the
// header, and then the first.
type walIndex [2]walHeader

const walIndexVersion = 3007000

// read returns the header, unless a commit is changing it or nobody has written it yet.
func (x *walIndex) read() (h walHeader, ok bool) {
	if x == nil {
		return h, false
	}
	for i := range h {
		h[i] = atomic.LoadUint64(&x[0][i])
	}
	for i := range h {
		if atomic.LoadUint64(&x[1][i]) != h[i] {
			return h, false
		}
	}
	const version, initialized = 0, 12 // where they stand
	b := (*[unsafe.Sizeof(h)]byte)(unsafe.Pointer(&h))
	return h, binary.NativeEndian.Uint32(b[version:]) == walIndexVersion && b[initialized] != 0
}

// now returns the header of the content of this moment.
func (k *kept) now() (walHeader, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.index.read()
}

// get returns the checkpoint at key, if it is known.
func (k *kept) get(key string) (driver.StoredCheckpoint, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if h, ok := k.index.read(); !ok || h != k.header {
		return driver.StoredCheckpoint{}, false
	}
	return k.known.get(key)
}

// put keeps a checkpoint. Its read began when the header was since.
func (k *kept) put(key string, stored driver.StoredCheckpoint, since walHeader) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if h, ok := k.index.read(); !ok || h != since {
		return
	}
	if k.header != since {
		k.header, k.known = since, known{}
	}
	k.known.put(key, stored)
}

// learn asks c, which has read, where the shared memory is. It stays there until the last
// connection of this process to the file closes.
func (k *kept) learn(c *fastConn) {
	k.mu.RLock()
	done := k.index != nil || k.closed
	k.mu.RUnlock()
	if done {
		return
	}
	index := c.walIndex()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.index = index
	}
}

// close forgets the shared memory. The last connection may close afterwards.
func (k *kept) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed, k.index, k.known = true, nil, known{}
}

// walIndex returns the shared memory, or nil if SQLite has none. To open its file would drop
// the locks of this process on it, so walIndex asks SQLite.
func (c *fastConn) walIndex() *walIndex {
	var file, memory uintptr
	rc := c.pointer(&file, func(out uintptr) int32 { return c.control(sqlite3.SQLITE_FCNTL_FILE_POINTER, out) })
	if rc != sqlite3.SQLITE_OK || file == 0 {
		return nil
	}
	methods := at[sqlite3.Tsqlite3_io_methods](at[sqlite3.Tsqlite3_file](file).FpMethods)
	if methods == nil || methods.FiVersion < 2 || methods.FxShmMap == 0 {
		return nil
	}
	shmMap := *(*func(tls *libc.TLS, file uintptr, region, size, extend int32, out uintptr) int32)(unsafe.Pointer(&methods.FxShmMap))
	rc = c.pointer(&memory, func(out uintptr) int32 {
		const size = 32 << 10 // of each region
		return shmMap(c.tls, file, 0, size, 0, out)
	})
	if rc != sqlite3.SQLITE_OK {
		return nil
	}
	return at[walIndex](memory)
}
