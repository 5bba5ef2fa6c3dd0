package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Check(m).Run()) }

// A broker is Kafka's, as far as franz-go needs it.
type broker struct {
	store     *checkpoint.Store
	addresses []string
	admin     *kadm.Client
	client    *kgo.Client

	mu      sync.Mutex
	handled []string
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b := &broker{store: checkpoint.New(memstore.New(), nil), addresses: cluster.ListenAddrs()}
	b.connect(t)
	return b
}

// connect makes a client that knows the partitions that there are now.
func (b *broker) connect(t *testing.T) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addresses...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	b.client, b.admin = client, kadm.NewClient(client)
}

// instance returns a consumer whose members learn fast of each other.
func (b *broker) instance(member string) *consumer {
	return &consumer{
		store: b.store, brokers: b.addresses, topic: "orders",
		group: group.Options{Member: member, TTL: time.Second}, askEvery: 100 * time.Millisecond,
	}
}

// produce writes the next n records of each partition.
func (b *broker) produce(t *testing.T, n int) {
	t.Helper()
	for i := range 2 * n {
		r := &kgo.Record{Topic: "orders", Partition: int32(i % 2), Key: fmt.Append(nil, i), Value: []byte("{}")}
		if err := b.client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// consume runs one instance until it has handled as many records, or a partition fails.
func (b *broker) consume(t *testing.T, records int, firstRun bool) ([]string, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	c := b.instance("a")
	c.firstRun = firstRun
	c.group.Failed = func(string, int, error) (time.Duration, bool) { return 0, false }
	c.handle = func(_ context.Context, r *kgo.Record) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.handled = append(b.handled, fmt.Sprintf("%d@%d", r.Partition, r.Offset)); len(b.handled) == records {
			stop()
		}
		return nil
	}
	b.handled = nil
	err := c.run(ctx)
	slices.Sort(b.handled)
	return b.handled, err
}

func TestEveryRecordOnce(t *testing.T) {
	b := newBroker(t)
	b.produce(t, 2)
	for n, want := range [][]string{{"0@0", "0@1", "1@0", "1@1"}, {"0@2", "1@2"}} {
		if n > 0 {
			b.produce(t, 1)
		}
		if got, err := b.consume(t, len(want), n == 0); err != nil || !slices.Equal(got, want) {
			t.Errorf("run %d handled %v, %v; want %v", n+1, got, err, want)
		}
	}
}

func (b *broker) deleteBefore(t *testing.T, offset int64) {
	t.Helper()
	var offsets kadm.Offsets = make(map[string]map[int32]kadm.Offset)
	offsets.Add(kadm.Offset{Topic: "orders", Partition: 1, At: offset})
	if _, err := b.admin.DeleteRecords(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasDeletedIsAnError(t *testing.T) {
	b := newBroker(t)
	b.produce(t, 1)
	if _, err := b.consume(t, 2, true); err != nil {
		t.Fatal(err)
	}
	b.produce(t, 3)
	b.deleteBefore(t, 3) // 1 and 2 were not handled
	if got, err := b.consume(t, 99, false); !errors.Is(err, subscription.ErrTrimmed) {
		t.Errorf("handled %v, %v; want ErrTrimmed", got, err)
	}
}

// TestWhatWasDeletedBeforeTheFirstRecordIsAnError: the checkpoint is at zero, before which
// nothing was handled.
func TestWhatWasDeletedBeforeTheFirstRecordIsAnError(t *testing.T) {
	b := newBroker(t)
	for partition := range 2 {
		if err := b.store.Set(t.Context(), group.Key("orders", fmt.Sprint(partition)), checkpoint.Position{}); err != nil {
			t.Fatal(err)
		}
	}
	b.produce(t, 3)
	b.deleteBefore(t, 2)
	if got, err := b.consume(t, 99, false); !errors.Is(err, subscription.ErrTrimmed) {
		t.Errorf("handled %v, %v; want ErrTrimmed", got, err)
	}
}

// TestFirstRunOnATrimmedTopic begins at what is left.
func TestFirstRunOnATrimmedTopic(t *testing.T) {
	b := newBroker(t)
	b.produce(t, 3)
	b.deleteBefore(t, 2)
	want := []string{"0@0", "0@1", "0@2", "1@2"}
	if got, err := b.consume(t, len(want), true); err != nil || !slices.Equal(got, want) {
		t.Errorf("handled %v, %v; want %v", got, err, want)
	}
}

func TestTopicThatWasMadeAnewIsAnError(t *testing.T) {
	b := newBroker(t)
	b.produce(t, 1)
	if _, err := b.consume(t, 2, true); err != nil {
		t.Fatal(err)
	}
	if _, err := b.admin.DeleteTopics(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.admin.CreateTopic(t.Context(), 2, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	if got, err := b.consume(t, 99, false); !errors.Is(err, subscription.ErrOtherLog) {
		t.Errorf("handled %v, %v; want ErrOtherLog", got, err)
	}
}

// TestLostStoreIsAnError: only the first run may begin at the start.
func TestLostStoreIsAnError(t *testing.T) {
	b := newBroker(t)
	b.produce(t, 1)
	if got, err := b.consume(t, 99, false); !errors.Is(err, subscription.ErrNoCheckpoint) {
		t.Errorf("handled %v, %v; want ErrNoCheckpoint", got, err)
	}
}
