//go:build unix

package sqlitestore_test

import (
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// disk stands between SQLite and its files, and fails as it is told.
var disk faults

// A fault is how a disk fails.
type fault struct {
	name  string
	code  int32 // SQLite's; zero: what SQLite makes of the call that failed
	torn  bool  // half of what was to be written is
	once  bool
	calls calls // that it concerns
}

type calls int

const (
	callWrite calls = 1 << iota
	callSync
	callTruncate
	callShare // the shared memory grows
	callRead
)

type faults struct {
	mu    sync.Mutex
	fault *fault // nil: none
	left  int    // calls until it fails
	met   bool
	hangs chan struct{} // nil: reads do not hang; otherwise until it is closed
}

// hang lets each read hang until the caller calls release.
func (f *faults) hang() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	hangs := make(chan struct{})
	f.hangs = hangs
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.hangs = nil
		close(hangs)
	}
}

// wait returns when reads do not hang.
func (f *faults) wait() {
	f.mu.Lock()
	hangs := f.hangs
	f.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
}

// arm lets the n-th call fail, and those after it, unless the fault is for once.
func (f *faults) arm(with *fault, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.left, f.met = with, n, false
}

// disarm reports whether the fault was met.
func (f *faults) disarm() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = nil
	return f.met
}

// fails returns the fault that a call meets, or nil.
func (f *faults) fails(c calls) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault == nil || f.fault.calls&c == 0 {
		return nil
	}
	if f.left--; f.left > 0 || f.fault.once && f.left < 0 {
		return nil
	}
	f.met = true
	return f.fault
}

// code is what SQLite is told of a call that fails.
func (f *fault) of(otherwise int32) int32 {
	if f.code != 0 {
		return f.code
	}
	return otherwise
}

type (
	openFunc  = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32
	writeFunc = func(tls *libc.TLS, file, buf uintptr, amount int32, offset int64) int32
	sizeFunc  = func(tls *libc.TLS, file uintptr, size int64) int32
	readFunc  = func(tls *libc.TLS, file, buf uintptr, amount int32, offset int64) int32
	syncFunc  = func(tls *libc.TLS, file uintptr, flags int32) int32
	shmFunc   = func(tls *libc.TLS, file uintptr, region, size, extend int32, out uintptr) int32
)

// function is a C function pointer's Go function.
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }

func pointer[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// failingVFS puts disk in between for connections that are opened until the
// test ends.
func failingVFS(t *testing.T) {
	t.Helper()
	tls := libc.NewTLS()
	original := sqlite3.Xsqlite3_vfs_find(tls, 0)
	vfs := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_vfs{})))
	shim := pointer[sqlite3.Tsqlite3_vfs](vfs)
	*shim = *pointer[sqlite3.Tsqlite3_vfs](original)
	name, err := libc.CString("failing")
	if err != nil {
		t.Fatal(err)
	}
	shim.FzName = name
	open := function[openFunc](shim.FxOpen)
	failing := map[uintptr]uintptr{} // methods by what they stand before
	var mu sync.Mutex
	shim.FxOpen = hold(func(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32 {
		rc := open(tls, vfs, name, file, flags, out)
		f := pointer[sqlite3.Tsqlite3_file](file)
		if rc != sqlite3.SQLITE_OK || f.FpMethods == 0 {
			return rc
		}
		mu.Lock()
		defer mu.Unlock()
		if failing[f.FpMethods] == 0 {
			failing[f.FpMethods] = failingMethods(tls, f.FpMethods)
		}
		f.FpMethods = failing[f.FpMethods]
		return rc
	})
	if rc := sqlite3.Xsqlite3_vfs_register(tls, vfs, 1); rc != sqlite3.SQLITE_OK {
		t.Fatalf("sqlite3_vfs_register: %d", rc)
	}
	t.Cleanup(func() {
		sqlite3.Xsqlite3_vfs_register(tls, original, 1)
		sqlite3.Xsqlite3_vfs_unregister(tls, vfs)
		tls.Close()
	})
}

// kept are functions that otherwise only SQLite's memory points to.
var kept []any

// hold returns f as a C function pointer, which is what a Go variable of a
// function's type holds.
func hold[F any](f F) uintptr {
	kept = append(kept, f)
	return *(*uintptr)(unsafe.Pointer(&f))
}

func failingMethods(tls *libc.TLS, methods uintptr) uintptr {
	p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
	m := pointer[sqlite3.Tsqlite3_io_methods](p)
	*m = *pointer[sqlite3.Tsqlite3_io_methods](methods)
	write, truncate := function[writeFunc](m.FxWrite), function[sizeFunc](m.FxTruncate)
	sync, share := function[syncFunc](m.FxSync), function[shmFunc](m.FxShmMap)
	read := function[readFunc](m.FxRead)
	m.FxRead = hold(func(tls *libc.TLS, file, buf uintptr, amount int32, offset int64) int32 {
		disk.wait()
		if f := disk.fails(callRead); f != nil {
			return f.of(sqlite3.SQLITE_IOERR_READ)
		}
		return read(tls, file, buf, amount, offset)
	})
	m.FxWrite = hold(func(tls *libc.TLS, file, buf uintptr, amount int32, offset int64) int32 {
		f := disk.fails(callWrite)
		if f == nil {
			return write(tls, file, buf, amount, offset)
		}
		if f.torn {
			write(tls, file, buf, amount/2, offset)
		}
		return f.of(sqlite3.SQLITE_IOERR_WRITE)
	})
	m.FxTruncate = hold(func(tls *libc.TLS, file uintptr, size int64) int32 {
		if f := disk.fails(callTruncate); f != nil {
			return f.of(sqlite3.SQLITE_IOERR_TRUNCATE)
		}
		return truncate(tls, file, size)
	})
	m.FxSync = hold(func(tls *libc.TLS, file uintptr, flags int32) int32 {
		if f := disk.fails(callSync); f != nil {
			return f.of(sqlite3.SQLITE_IOERR_FSYNC)
		}
		return sync(tls, file, flags)
	})
	m.FxShmMap = hold(func(tls *libc.TLS, file uintptr, region, size, extend int32, out uintptr) int32 {
		if f := disk.fails(callShare); f != nil {
			return f.of(sqlite3.SQLITE_IOERR_SHMSIZE)
		}
		return share(tls, file, region, size, extend, out)
	})
	return p
}
