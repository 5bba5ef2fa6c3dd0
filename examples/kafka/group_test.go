package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

const patience = time.Minute

// A fleet is the instances of one process, each with a store of its own over one file.
type fleet struct {
	*testing.T
	*broker
	path string

	mu         sync.Mutex
	partitions int
	produced   int
	handled    map[string]int   // how often each record was handled
	by         map[int32]string // who handled the last record of a partition
	running    map[string]*ship
}

// A ship is an instance.
type ship struct {
	store *checkpoint.Store
	stop  context.CancelFunc
	ended chan error
	dead  bool
}

var errDead = errors.New("this instance is dead")

func newFleet(t *testing.T) *fleet {
	t.Helper()
	return &fleet{
		T: t, broker: newBroker(t), path: filepath.Join(t.TempDir(), "checkpoints.db"), partitions: 2,
		handled: make(map[string]int), by: make(map[int32]string), running: make(map[string]*ship),
	}
}

func (f *fleet) start(member string, firstRun bool) {
	f.Helper()
	driver, err := sqlitestore.Open(f.Context(), f.path, nil)
	if err != nil {
		f.Fatal(err)
	}
	s := &ship{store: checkpoint.New(driver, nil), ended: make(chan error, 1)}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	f.running[member] = s
	f.Cleanup(func() { s.stop(); s.store.Close() })
	c := f.instance(member)
	c.store, c.firstRun, c.group.TTL = s.store, firstRun, 6*time.Second
	c.handle = func(_ context.Context, r *kgo.Record) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if s.dead {
			return errDead
		}
		f.handled[fmt.Sprintf("%d@%d", r.Partition, r.Offset)]++
		f.by[r.Partition] = member
		return nil
	}
	go func() { s.ended <- c.run(ctx) }()
}

// end ends an instance in good order.
func (f *fleet) end(member string) {
	f.Helper()
	s := f.running[member]
	s.stop()
	if err := <-s.ended; err != nil {
		f.Errorf("%s ended with %v", member, err)
	}
	delete(f.running, member)
}

// kill makes an instance handle nothing and store nothing any more.
func (f *fleet) kill(member string) {
	f.Helper()
	s := f.running[member]
	f.mu.Lock()
	s.dead = true
	f.mu.Unlock()
	if err := s.store.Close(); err != nil {
		f.Error(err)
	}
	if err := <-s.ended; !errors.Is(err, checkpoint.ErrClosed) {
		f.Errorf("%s, whose store is closed, ended with %v", member, err)
	}
	delete(f.running, member)
}

// write writes the next record of each partition, and waits until it is handled. It
// returns who handled them.
func (f *fleet) write() map[int32]string {
	f.Helper()
	for partition := range f.partitions {
		r := &kgo.Record{Topic: "orders", Partition: int32(partition), Key: []byte("k"), Value: []byte("{}")}
		if err := f.client.ProduceSync(f.Context(), r).FirstErr(); err != nil {
			f.Fatal(err)
		}
		f.produced++
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		f.mu.Lock()
		handled, by := len(f.handled), maps.Clone(f.by)
		f.mu.Unlock()
		if handled == f.produced {
			return by
		}
		if time.Now().After(deadline) {
			f.Fatalf("after %v, %d of %d records are handled", patience, handled, f.produced)
		}
	}
}

// writeUntilShared writes records until instances that run have handled the last record
// of each partition, and none has 2 partitions more than another.
func (f *fleet) writeUntilShared() {
	f.Helper()
	for deadline := time.Now().Add(patience); ; {
		by := f.write()
		counts := make(map[string]int)
		for member := range f.running {
			counts[member] = 0
		}
		for _, member := range by {
			counts[member]++
		}
		least, most := f.partitions, 0
		for _, n := range counts {
			least, most = min(least, n), max(most, n)
		}
		if len(counts) == len(f.running) && most-least < 2 {
			return
		}
		if time.Now().After(deadline) {
			f.Fatalf("after %v, the partitions are shared out as %v", patience, by)
		}
	}
}

func (f *fleet) wantNoRepeats() {
	f.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for record, n := range f.handled {
		if n != 1 {
			f.Errorf("record %s was handled %d times", record, n)
		}
	}
}

func (f *fleet) grow(partitions int) {
	f.Helper()
	if _, err := f.admin.UpdatePartitions(f.Context(), partitions, "orders"); err != nil {
		f.Fatal(err)
	}
	f.connect(f.T)
	f.partitions = partitions
}

// TestPartitionsAreSharedOut has instances that come, end and die, and a topic that grows.
// Every record is handled, and only a death repeats some.
func TestPartitionsAreSharedOut(t *testing.T) {
	f := newFleet(t)
	f.grow(6)
	f.start("a", true)
	f.writeUntilShared()
	f.start("b", false)
	f.start("c", false)
	f.writeUntilShared()
	f.grow(8)
	f.writeUntilShared()
	f.end("a")
	f.writeUntilShared()
	f.wantNoRepeats()
	f.kill("b")
	f.writeUntilShared()
	f.start("d", false)
	f.writeUntilShared()
	f.end("c")
	f.end("d")
}
