package demo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
)

// fleetBatch is how many events the log of the fleet grows by, at the start and before
// each change of its instances.
const fleetBatch = 1000

// A fleet is the instances that share the partitions of a consumer out.
type fleet struct {
	consumer
	log     *growingLog
	running map[string]*process
	verdict verdict
}

// runFleet kills one of four instances, and then adds one. Meanwhile the log grows.
func (r *run) runFleet(ctx context.Context) (err error) {
	f := &r.fleet
	f.running = make(map[string]*process)
	if f.log, err = startLog(f.logPath(r.dir), 3*fleetBatch); err != nil {
		return err
	}
	defer f.log.close()
	defer func() {
		for _, p := range f.running {
			p.kill()
		}
	}()
	for _, scene := range []func(context.Context) (string, error){r.startFour, r.killOne, r.addOne} {
		what, err := scene(ctx)
		if err == nil {
			err = r.tellShares(ctx, what)
		}
		if err != nil {
			return err
		}
	}
	if err := r.waitForFleet(ctx, f.isDone); err != nil {
		return err
	}
	return f.end()
}

// Each scene returns what it did.

func (r *run) startFour(ctx context.Context) (string, error) {
	for n := 1; n <= 4; n++ {
		if err := r.join(ctx, n); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("SHARED %d partitions", sharedPartitions), r.fleet.log.grow(fleetBatch)
}

// killOne kills the second instance when it has begun with new events.
func (r *run) killOne(ctx context.Context) (string, error) {
	f := &r.fleet
	p := f.running[f.instance(2)]
	path := effectsPath(r.dir, p.Owner)
	before, err := sizeOf(path)
	if err == nil {
		err = f.log.grow(fleetBatch)
	}
	if err != nil {
		return "", err
	}
	err = r.waitForFleet(ctx, func(cells []checkpoint.Cell) bool {
		size, err := sizeOf(path)
		return err != nil || size > before || f.isDone(cells) // others may have been faster
	})
	if err != nil {
		return "", err
	}
	delete(f.running, p.Owner)
	p.kill()
	if p.err == nil || p.stderr.Len() > 0 {
		return "", cmp.Or(p.err, fmt.Errorf("%s ended before it was killed", p.Owner))
	}
	return "KILLED " + p.Owner, nil
}

func (r *run) addOne(ctx context.Context) (string, error) {
	if err := r.join(ctx, 5); err != nil {
		return "", err
	}
	return "JOINED " + r.fleet.instance(5), r.fleet.log.grow(fleetBatch)
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// join starts the nth instance.
func (r *run) join(ctx context.Context, n int) error {
	p, err := startProcess(ctx, r.Command, r.Store, task{
		Key: r.fleet.key, Owner: r.fleet.instance(n), Dir: r.dir, Temporary: r.Dir == "", Shared: true,
	})
	if err != nil {
		return err
	}
	r.fleet.running[p.Owner] = p
	return nil
}

// end makes the instances end in good order.
func (f *fleet) end() error {
	for _, p := range f.running {
		p.end()
	}
	for owner, p := range f.running {
		<-p.ended
		if p.err != nil {
			return p.err
		}
		delete(f.running, owner)
	}
	return nil
}

// tellShares waits until the partitions are shared out among the instances that run. Then it
// says which instance holds which partitions.
func (r *run) tellShares(ctx context.Context, what string) error {
	var shares map[string][]string
	err := r.waitForFleet(ctx, func(cells []checkpoint.Cell) bool {
		var ok bool
		shares, ok = r.fleet.shares(cells)
		return ok
	})
	if err != nil {
		return err
	}
	var each []string
	for _, owner := range slices.Sorted(maps.Keys(shares)) {
		each = append(each, fmt.Sprintf("%s %s", owner, strings.Join(shares[owner], " ")))
	}
	r.display.say("%s: %s", what, strings.Join(each, ", "))
	return nil
}

// waitForFleet waits until what is stored for the partitions is so.
func (r *run) waitForFleet(ctx context.Context, is func([]checkpoint.Cell) bool) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		cells, err := r.store.InspectMany(ctx, r.fleet.keys()...)
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		if is(cells) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		for owner, p := range r.fleet.running {
			select {
			case <-p.ended:
				return cmp.Or(p.err, fmt.Errorf("%s ended by itself", owner))
			default:
			}
		}
	}
}

// shares returns which partitions each instance holds. It returns false if an instance that
// does not run holds one, if nobody does, or if an instance has two more than another.
func (f *fleet) shares(cells []checkpoint.Cell) (map[string][]string, bool) {
	shares := make(map[string][]string)
	for i, partition := range f.partitions() {
		owner := cells[i].Lease.Owner
		if f.running[owner] == nil {
			return nil, false
		}
		shares[owner] = append(shares[owner], partition)
	}
	least, most := len(cells), 0
	for _, held := range shares {
		least, most = min(least, len(held)), max(most, len(held))
	}
	return shares, len(shares) == len(f.running) && most-least < 2
}

// isDone reports whether all checkpoints are at the end of the log.
func (f *fleet) isDone(cells []checkpoint.Cell) bool {
	for _, c := range cells {
		if c.Checkpoint.Position != f.log.Last {
			return false
		}
	}
	return true
}

// failures returns a sentence for each claim about the fleet that does not hold.
func (f *fleet) failures() (failures []string) {
	if v := f.verdict; v.Skipped > 0 {
		failures = append(failures, fmt.Sprintf("%s skipped %d of %d events, the first at %s", f.key, v.Skipped, f.log.Events, v.FirstSkipped))
	}
	if f.verdict.Foreign > 0 {
		failures = append(failures, fmt.Sprintf("%s has effects that no event of the log has: %d", f.key, f.verdict.Foreign))
	}
	return failures
}

// partitions are the names of a shared consumer's partitions.
func (c consumer) partitions() []string {
	names := make([]string, sharedPartitions)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// keys are those of the partitions' checkpoints.
func (c consumer) keys() []string {
	keys := c.partitions()
	for i, partition := range keys {
		keys[i] = group.Key(c.key, partition)
	}
	return keys
}
