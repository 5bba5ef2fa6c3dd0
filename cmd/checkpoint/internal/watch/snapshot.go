package watch

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/driver"
)

// pageSize is for how many keys the reports are read at once.
const pageSize = 500

// Snapshot returns a row for each key that matches pattern and has a checkpoint, a fence
// or a lease, sorted by key. If pattern is a key, a pause or a report of the key is enough.
// A store that keeps no reports, or that shows no leases, has fewer states.
func (r Rules) Snapshot(ctx context.Context, store *checkpoint.Store, pattern string) ([]Row, error) {
	rows, err := r.stored(ctx, store, pattern)
	if key := driver.LiteralPrefix(pattern); err == nil && len(rows) == 0 && driver.QuotePattern(key) == pattern {
		return r.notStored(ctx, store, key)
	}
	return rows, err
}

// notStored returns the row of a key that no walk finds, unless it has no pause and no report.
func (r Rules) notStored(ctx context.Context, store *checkpoint.Store, key string) ([]Row, error) {
	c := checkpoint.Cell{Key: key}
	statuses, err := statusesOf(ctx, store, []checkpoint.Cell{c})
	if err != nil || statuses[0].Pause == nil && len(statuses[0].Instances) == 0 {
		return nil, err
	}
	return []Row{r.judge(c, statuses[0], time.Now())}, nil
}

func (r Rules) stored(ctx context.Context, store *checkpoint.Store, pattern string) ([]Row, error) {
	var rows []Row
	for page, err := range pages(transfer.Cells(ctx, store, pattern)) {
		if err != nil {
			return nil, err
		}
		statuses, err := statusesOf(ctx, store, page)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		for i, c := range page {
			rows = append(rows, r.judge(c, statuses[i], now))
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Key, b.Key) })
	return rows, findRewound(ctx, store, rows)
}

func pages(cells iter.Seq2[checkpoint.Cell, error]) iter.Seq2[[]checkpoint.Cell, error] {
	return func(yield func([]checkpoint.Cell, error) bool) {
		var page []checkpoint.Cell
		for c, err := range cells {
			if err != nil {
				yield(nil, err)
				return
			}
			if page = append(page, c); len(page) == pageSize {
				if !yield(page, nil) {
					return
				}
				page = nil
			}
		}
		if len(page) > 0 {
			yield(page, nil)
		}
	}
}

// statusesOf returns the reports of the cells' keys. A key that no Store takes has none.
func statusesOf(ctx context.Context, store *checkpoint.Store, cells []checkpoint.Cell) ([]checkpoint.KeyStatus, error) {
	statuses := make([]checkpoint.KeyStatus, len(cells))
	var keys []string
	var of []int
	for i, c := range cells {
		statuses[i].Key = c.Key
		if checkpoint.ValidateKey(c.Key) == nil {
			keys, of = append(keys, c.Key), append(of, i)
		}
	}
	found, err := store.Statuses(ctx, keys...)
	if errors.Is(err, checkpoint.ErrUnsupported) {
		return statuses, nil
	}
	if err != nil {
		return nil, err
	}
	for n, i := range of {
		statuses[i] = found[n]
	}
	return statuses, nil
}

// atOnce is how many histories or groups are read at the same time.
const atOnce = 16

// findRewound tells the consumers that were moved by hand from those that have stopped. A
// rewind raises the fence, and no lease has its epoch. So has a consumer that has given
// its lease up; the history tells the two apart.
func findRewound(ctx context.Context, store *checkpoint.Store, rows []Row) error {
	var suspects []*Row
	for i := range rows {
		if r := &rows[i]; r.couldBeRewound() {
			suspects = append(suspects, r)
		}
	}
	return each(len(suspects), func(i int) error { return suspects[i].readHistory(ctx, store) })
}

// each calls read for each number below n, atOnce of them at a time. It returns the first
// error.
func each(n int, read func(i int) error) error {
	var (
		reads   sync.WaitGroup
		tickets = make(chan struct{}, atOnce)
		errs    = make([]error, n)
	)
	for i := range n {
		tickets <- struct{}{}
		reads.Go(func() {
			defer func() { <-tickets }()
			errs[i] = read(i)
		})
	}
	reads.Wait()
	return cmp.Or(errs...) // the others are hardly different
}

func (r *Row) couldBeRewound() bool {
	c := &r.Cell
	return (r.State == Stopped || r.State == Stale || r.State == Silent || r.State == Standby) && r.LeaseLeft == nil &&
		c.Checkpoint.Epoch > 0 && c.Checkpoint.Epoch == c.Fence.Epoch && c.Lease.Epoch != c.Fence.Epoch
}

func (r *Row) readHistory(ctx context.Context, store *checkpoint.Store) error {
	entries, err := store.History(ctx, r.Key, 1)
	if errors.Is(err, checkpoint.ErrUnsupported) || err == nil && len(entries) == 0 {
		return nil
	}
	if errors.Is(err, checkpoint.ErrCorrupt) {
		r.Err = transfer.Reason(err)
		r.State, r.Why = Damaged, r.Err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	if e := entries[0]; e.NewEpoch == r.Cell.Fence.Epoch && e.New != nil && *e.New == r.Cell.Checkpoint.Position && e.Op != driver.AuditTakeOver {
		r.State, r.Why = Rewound, moved(e)
	}
	return nil
}

func moved(e checkpoint.AuditEntry) string {
	why := e.Op + " from "
	if e.Old == nil {
		why += "nothing"
	} else {
		why += e.Old.String()
	}
	if e.Actor != "" {
		why += " by " + e.Actor
	}
	if e.Reason != "" {
		why += ": " + e.Reason
	}
	return why
}

// Orders are the ways to sort rows. Equal rows are sorted by key.
var Orders = map[string]func(a, b Row) int{
	"state": func(a, b Row) int { return cmp.Compare(slices.Index(States, a.State), slices.Index(States, b.State)) },
	"key":   func(Row, Row) int { return 0 },
	"lag": func(a, b Row) int {
		return cmp.Or(-cmp.Compare(lagTime(a), lagTime(b)), -cmp.Compare(lag(a), lag(b)))
	},
	"age": func(a, b Row) int { return -cmp.Compare(age(a), age(b)) },
}

// Sort sorts rows by one of Orders.
func Sort(rows []Row, order string) {
	by := Orders[order]
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Or(by(a, b), cmp.Compare(a.Key, b.Key)) })
}

func lag(r Row) uint64 {
	if r.Worker == nil || r.Worker.Lag == nil {
		return 0
	}
	return *r.Worker.Lag
}

func lagTime(r Row) time.Duration {
	if r.Worker == nil || r.Worker.LagTime == nil {
		return -1
	}
	return *r.Worker.LagTime
}

func age(r Row) time.Duration {
	if r.Age == nil {
		return -1
	}
	return *r.Age
}

// Count returns how many rows are in each state.
func Count(rows []Row) map[State]int {
	n := make(map[State]int)
	for _, r := range rows {
		n[r.State]++
	}
	return n
}
