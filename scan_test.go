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

func TestGetAllNamesTheDamagedKey(t *testing.T) {
	s, d := filled(t, 3)
	d.Damage("k001")
	all, err := checkpoint.Collect(s.GetAll(t.Context(), "*"))
	var e *checkpoint.Error
	if !errors.Is(err, checkpoint.ErrCorrupt) || !errors.As(err, &e) || e.Key != "k001" {
		t.Errorf("error = %v, want ErrCorrupt at k001", err)
	}
	if len(all) != 1 {
		t.Errorf("%d checkpoints before it, want 1", len(all))
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
