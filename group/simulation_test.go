package group_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

var seeds = flag.Int("seeds", 40, "how many simulations to run")

const ttl = 15 * time.Second

// TestSimulation lets members come, end, die and lose their network, in a bubble with
// virtual time. After each burst of faults the group must be balanced within two TTLs,
// with hardly more moves than needed, and no two members may ever work on one partition.
func TestSimulation(t *testing.T) {
	var all totals
	for seed := range *seeds {
		synctest.Test(t, func(t *testing.T) { simulate(t, uint64(seed), &all) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	waste := 100 * float64(all.moves-all.least) / float64(all.least)
	t.Logf("%d bursts in %d seeds: balanced within %.2f TTL at most, %.2f on average; %d moves, %.2f %% more than the least",
		all.bursts, *seeds, all.worst.Seconds()/ttl.Seconds(), all.sum.Seconds()/ttl.Seconds()/float64(all.bursts), all.moves, waste)
	if waste > 1 {
		t.Errorf("%d moves, where %d suffice", all.moves, all.least)
	}
}

type totals struct {
	bursts, moves, least int
	worst, sum           time.Duration
}

// A world is a store, its members, and who works on what.
type world struct {
	*testing.T
	*rand.Rand
	engine *memstore.Driver

	mu         sync.Mutex
	drains     *rand.Rand
	partitions []string
	works      map[string]*process // by partition
	gains      int
	processes  []*process // that live
	n          int
}

// A process runs one member.
type process struct {
	*cable
	name  string
	end   context.CancelFunc
	done  chan error
	dead  bool
	world *world
}

func simulate(t *testing.T, seed uint64, all *totals) {
	t.Helper()
	w := &world{T: t, Rand: rand.New(rand.NewPCG(seed, 1)), engine: memstore.New(), works: make(map[string]*process)}
	w.drains = rand.New(rand.NewPCG(seed, 2))
	w.grow(1 + w.IntN(128))
	for range 1 + w.IntN(3) {
		w.storm(all)
		if len(w.processes) > 1 {
			w.change(all)
		}
	}
	for _, p := range slices.Clone(w.processes) {
		w.stop(p)
	}
	w.wantBalanced(2 * ttl)
	time.Sleep(time.Hour) // what is dead gives up
}

func (w *world) grow(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partitions = nil
	for i := range n {
		w.partitions = append(w.partitions, fmt.Sprint(i))
	}
}

// A storm is faults of all kinds, one after another.
func (w *world) storm(all *totals) {
	for range 1 + w.IntN(4) {
		w.fault()
		time.Sleep(time.Duration(w.Int64N(int64(ttl / 2))))
	}
	for len(w.processes) == 0 {
		w.start()
	}
	for _, p := range w.processes {
		p.set(up)
	}
	all.balanced(w.wantBalanced(2 * ttl))
	time.Sleep(ttl)
}

// A change is some members that come, end or die at about the same time. So it is known
// how many partitions must move.
func (w *world) change(all *totals) {
	before := w.owners()
	w.mu.Lock()
	w.gains = 0
	w.mu.Unlock()
	n := 1 + w.IntN(max(1, len(w.processes)-1))
	apart := int64(ttl/10) / int64(n)
	fault := w.start
	switch w.IntN(3) {
	case 0:
		fault = func() { w.kill(w.any()) }
	case 1:
		fault = func() { w.stop(w.any()) }
		apart = 1 // a member that ends a little later would get partitions first
	}
	for range n {
		fault()
		time.Sleep(time.Duration(w.Int64N(apart)))
	}
	all.balanced(w.wantBalanced(2 * ttl))
	time.Sleep(ttl) // nothing moves any more
	w.mu.Lock()
	defer w.mu.Unlock()
	all.moves += w.gains
	all.least += w.least(before)
}

func (w *world) any() *process { return w.processes[w.IntN(len(w.processes))] }

func (t *totals) balanced(took time.Duration) {
	t.bursts++
	t.worst = max(t.worst, took)
	t.sum += took
}

func (w *world) fault() {
	if len(w.processes) == 0 || w.IntN(3) == 0 {
		for range 1 + w.IntN(4) {
			w.start()
		}
		return
	}
	p := w.any()
	switch w.IntN(5) {
	case 0:
		w.stop(p)
	case 1:
		w.kill(p)
	case 2:
		p.set(down)
	case 3:
		p.set(hung)
	case 4:
		w.grow(1 + w.IntN(128))
	}
}

func (w *world) start() {
	w.n++
	ctx, end := context.WithCancel(context.Background())
	p := &process{
		cable: &cable{Driver: w.engine, changed: make(chan struct{})},
		name:  fmt.Sprintf("m%d", w.n), end: end, done: make(chan error, 1), world: w,
	}
	w.processes = append(w.processes, p)
	store := checkpoint.New(p.cable, nil)
	go func() {
		p.done <- group.Run(ctx, store, "g", func(context.Context) ([]string, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return slices.Clone(w.partitions), nil
		}, &group.Options{
			Member: p.name, TTL: ttl,
			Subscription: func(string) subscription.Options {
				return subscription.Options{Missing: subscription.FromStart, ReportEvery: -1}
			},
		}, p.consume)
	}()
}

func (w *world) remove(p *process) {
	w.processes = slices.DeleteFunc(w.processes, func(q *process) bool { return p == q })
}

// stop ends a process in good order.
func (w *world) stop(p *process) {
	w.remove(p)
	p.end()
}

// kill ends a process as SIGKILL does: nobody hears of it again.
func (w *world) kill(p *process) {
	w.remove(p)
	p.set(down)
	w.mu.Lock()
	p.dead = true
	for partition, q := range w.works {
		if q == p {
			delete(w.works, partition)
		}
	}
	w.mu.Unlock()
	p.end()
}

// consume works on a partition, and takes some time to stop.
func (p *process) consume(ctx context.Context, partition string, s *subscription.Subscription) error {
	w := p.world
	w.mu.Lock()
	if p.dead {
		w.mu.Unlock()
		return nil
	}
	if q := w.works[partition]; q != nil {
		w.Errorf("%s begins partition %s while %s works on it", p.name, partition, q.name)
	}
	w.works[partition] = p
	w.gains++
	drain := time.Duration(w.drains.Int64N(int64(ttl / 2)))
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.works[partition] == p {
			delete(w.works, partition)
		}
	}()
	select {
	case <-s.Context().Done():
		return context.Cause(s.Context())
	case <-ctx.Done():
	}
	select {
	case <-s.Context().Done():
	case <-time.After(drain):
	}
	return nil
}

// owners says who works on each partition.
func (w *world) owners() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	owners := make(map[string]string)
	for partition, p := range w.works {
		owners[partition] = p.name
	}
	return owners
}

// wantBalanced waits until each partition has a member, and their numbers differ by one
// at most.
func (w *world) wantBalanced(within time.Duration) time.Duration {
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		synctest.Wait()
		fault := w.imbalance()
		took := time.Since(began)
		if fault == nil {
			return took
		}
		if took > within {
			w.Fatalf("after %v: %v", took, fault)
		}
	}
}

func (w *world) imbalance() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	numbers := make(map[*process]int)
	for partition, p := range w.works {
		if !slices.Contains(w.partitions, partition) || !slices.Contains(w.processes, p) {
			return fmt.Errorf("%s works on partition %s", p.name, partition)
		}
		numbers[p]++
	}
	if len(w.processes) == 0 {
		return nil
	}
	if len(w.works) != len(w.partitions) {
		return fmt.Errorf("%d of %d partitions have a member", len(w.works), len(w.partitions))
	}
	least := len(w.partitions) / len(w.processes)
	for _, p := range w.processes {
		if n := numbers[p]; n < least || n > least+1 {
			return fmt.Errorf("%s has %d of %d partitions, with %d members", p.name, n, len(w.partitions), len(w.processes))
		}
	}
	return nil
}

// least returns how many partitions must move from before to the members that live.
func (w *world) least(before map[string]string) (moves int) {
	held := make(map[string]int)
	for _, partition := range w.partitions {
		held[before[partition]]++
	}
	numbers := make([]int, 0, len(w.processes))
	for _, p := range w.processes {
		numbers = append(numbers, held[p.name])
	}
	slices.SortFunc(numbers, func(a, b int) int { return b - a })
	moves = len(w.partitions)
	for i, n := range numbers {
		quota := len(w.partitions) / len(numbers)
		if i < len(w.partitions)%len(numbers) {
			quota++
		}
		moves -= min(n, quota)
	}
	return moves
}

var errDown = errors.New("the network is down")
