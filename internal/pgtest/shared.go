package pgtest

import (
	"fmt"
	"os"
	"sync"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

// shared is the server that the tests of one process share.
var shared struct {
	once   sync.Once
	tb     lasting
	server *Server
}

// Shared returns the server that all tests of the process share. It lasts until
// the tests have run, if TestMain has called [Sharing]. Let each test work in a database of its own: see [Server.NewDatabase].
func Shared(tb TB) *Server {
	tb.Helper()
	shared.once.Do(func() {
		shared.server = Start(&shared.tb, "max_connections=300")
	})
	if shared.server == nil {
		tb.Fatalf("the shared PostgreSQL does not start: %s", shared.tb.failure)
	}
	return shared.server
}

// Sharing returns tests that stop the shared server at their end:
//
//	func TestMain(m *testing.M) { os.Exit(leaktest.Check(pgtest.Sharing(m)).Run()) }
func Sharing(m leaktest.Tests) leaktest.Tests { return sharing{m} }

type sharing struct{ tests leaktest.Tests }

func (s sharing) Run() int {
	defer shared.tb.finish()
	return s.tests.Run()
}

// A lasting is a TB that outlives the tests.
type lasting struct {
	failure  string
	cleanups []func()
}

func (*lasting) Helper()                         {}
func (*lasting) Logf(format string, args ...any) {}

func (l *lasting) Fatalf(format string, args ...any) {
	l.failure = fmt.Sprintf(format, args...)
	l.finish()
	panic(l.failure)
}

func (l *lasting) Cleanup(f func()) { l.cleanups = append(l.cleanups, f) }

func (l *lasting) TempDir() string { return os.TempDir() }

func (l *lasting) finish() {
	for len(l.cleanups) > 0 {
		last := len(l.cleanups) - 1
		f := l.cleanups[last]
		l.cleanups = l.cleanups[:last]
		f()
	}
}
