package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

func filled(t *testing.T, n int) (*checkpoint.Store, *memstore.Driver) {
	t.Helper()
	d := memstore.New()
	s := checkpoint.New(d, nil)
	for i := range n {
		if err := s.Set(t.Context(), fmt.Sprintf("k%03d", i), somewhere); err != nil {
			t.Fatal(err)
		}
	}
	return s, d
}

func TestBreakStopsTheScan(t *testing.T) {
	s, _ := filled(t, 10)
	for range s.Scan(t.Context(), "*", checkpoint.PageSize(3)) {
		break
	}
	seen := 0
	for _, err := range s.GetAll(t.Context(), "*", checkpoint.PageSize(3)) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 5 {
			break
		}
	}
	if n, err := s.Clear(t.Context(), "*", checkpoint.PageSize(3)); n != 10 || err != nil {
		t.Errorf("Clear = %d, %v", n, err)
	}
}

func TestScanIsOverWhenItsContextIs(t *testing.T) {
	s, _ := filled(t, 10)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var keys []string
	var last error
	for key, err := range s.Scan(ctx, "*") {
		keys, last = append(keys, key), err
		cancel(errPodMoved)
	}
	if !slices.Equal(keys, []string{"k000", ""}) || !errors.Is(last, errPodMoved) {
		t.Errorf("keys %q, last error %v", keys, last)
	}
}

func TestScanCanBeWalkedTwice(t *testing.T) {
	s, _ := filled(t, 3)
	seq := s.Scan(t.Context(), "*")
	for range 2 {
		n := 0
		for _, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 3 {
			t.Errorf("%d keys, want 3", n)
		}
	}
}

func TestPageSizeOutOfRange(t *testing.T) {
	s, _ := filled(t, 1)
	for _, size := range []int{-1, 0, 100_001} {
		for _, err := range s.Scan(t.Context(), "*", checkpoint.PageSize(size)) {
			if err == nil {
				t.Errorf("page size %d is accepted", size)
			}
		}
		if _, err := s.Clear(t.Context(), "*", checkpoint.PageSize(size)); err == nil {
			t.Errorf("Clear accepts page size %d", size)
		}
	}
}

// torn is a driver that fails after its first page.
type torn struct{ *memstore.Driver }

func (d torn) Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for page := range d.Driver.Scan(ctx, pattern, pageSize) {
			_ = yield(page, nil) && yield(nil, errCut)
			return
		}
	}
}

func TestErrorIsTheLastPair(t *testing.T) {
	_, d := filled(t, 10)
	s := checkpoint.New(torn{d}, nil)
	pairs := 0
	for c, err := range s.GetAll(t.Context(), "*", checkpoint.PageSize(4)) {
		pairs++
		if last := pairs == 5; (err != nil) != last || last && c != (checkpoint.Checkpoint{}) {
			t.Errorf("pair %d: %v, %v", pairs, c, err)
		}
	}
	if pairs != 5 {
		t.Errorf("%d pairs, want 5", pairs)
	}
	all, err := checkpoint.Collect(s.GetAll(t.Context(), "*", checkpoint.PageSize(4)))
	if len(all) != 4 || !errors.Is(err, errCut) {
		t.Errorf("Collect: %d checkpoints, %v", len(all), err)
	}
	if n, err := s.Clear(t.Context(), "*", checkpoint.PageSize(4)); n != 4 || !errors.Is(err, errCut) {
		t.Errorf("Clear = %d, %v; want 4 and the error", n, err)
	}
}

func TestGetAllReadsAroundDamage(t *testing.T) {
	_, d := filled(t, 4)
	d.Damage("k001")
	d.Damage("k002")
	var h heard
	s := observed(d, ender{"o", &h})
	var sound, damaged []string
	for c, err := range s.GetAll(t.Context(), "*", checkpoint.PageSize(2)) {
		if err == nil {
			sound = append(sound, c.Key)
			continue
		}
		var e *checkpoint.Error
		if !errors.Is(err, checkpoint.ErrCorrupt) || !errors.As(err, &e) || e.Key != c.Key || c != (checkpoint.Checkpoint{Key: c.Key}) {
			t.Errorf("%+v, %v; want the key alone, and an ErrCorrupt that names it", c, err)
		}
		damaged = append(damaged, c.Key)
	}
	if !slices.Equal(sound, []string{"k000", "k003"}) || !slices.Equal(damaged, []string{"k001", "k002"}) {
		t.Errorf("sound are %q, damaged %q", sound, damaged)
	}
	r := h.results["getAll"]
	if e := (*checkpoint.Error)(nil); r.Count != 2 || r.Failed != 2 || !errors.As(r.Err, &e) || e.Key != "k001" {
		t.Errorf("the observer is told %+v; want two of each, and the first error", r)
	}
	if all, err := checkpoint.Collect(s.GetAll(t.Context(), "*")); len(all) != 1 || !errors.Is(err, checkpoint.ErrCorrupt) {
		t.Errorf("Collect: %d checkpoints, %v; want what is before the damage, and ErrCorrupt", len(all), err)
	}
}

// aside cannot read the second of some keys.
type aside struct {
	driver.Driver
	err error
}

func (d aside) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	records, err := d.Driver.Get(ctx, keys)
	records[1] = driver.Record{Key: keys[1], Err: d.err}
	return records, err
}

// TestGetAllEndsWhereItCannotRead: what comes after would look like all there is.
func TestGetAllEndsWhereItCannotRead(t *testing.T) {
	_, d := filled(t, 3)
	var last checkpoint.Checkpoint
	var reason error
	pairs := 0
	for c, err := range checkpoint.New(aside{d, errCut}, nil).GetAll(t.Context(), "*") {
		pairs, last, reason = pairs+1, c, err
	}
	if pairs != 2 || last != (checkpoint.Checkpoint{}) || !errors.Is(reason, errCut) {
		t.Errorf("the last of %d pairs is %+v, %v; want 2, and no key beside the error", pairs, last, reason)
	}
}

// deletedBetween drops a key after it was listed and before it is read.
type deletedBetween struct{ *memstore.Driver }

func (d deletedBetween) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if _, err := d.Delete(ctx, []string{"k001"}); err != nil {
		return nil, err
	}
	return d.Driver.Get(ctx, keys)
}

func TestGetAllLeavesOutWhatIsGone(t *testing.T) {
	_, d := filled(t, 3)
	all, err := checkpoint.Collect(checkpoint.New(deletedBetween{d}, nil).GetAll(t.Context(), "*"))
	if err != nil || len(all) != 2 {
		t.Errorf("%d checkpoints, %v; want the 2 that are left", len(all), err)
	}
}
