package intake_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// TestHistoryComesAlong: an operator can undo at the destination what was done at the source.
func TestHistoryComesAlong(t *testing.T) {
	ctx := checkpoint.WithBy(t.Context(), "bob@old", "too far")
	from, to := checkpoint.New(memstore.New(), nil), checkpoint.New(memstore.New(), nil)
	hourAgo := time.Now().Add(-time.Hour)
	must[bool](t)(from.SetIfNewer(ctx, "k", at(5), checkpoint.UpdatedAt(hourAgo)))
	must[checkpoint.Checkpoint](t)(from.Rewind(ctx, "k", at(3)))
	c := everything(t, from, to)
	c.dry = true
	must[intake.Report](t)(c.run(ctx))
	if entries := must[[]checkpoint.AuditEntry](t)(to.History(ctx, "k", 9)); len(entries) != 0 {
		t.Errorf("a dry run left %+v", entries)
	}
	c.dry = false
	for range 2 {
		must[intake.Report](t)(c.run(ctx))
	}
	entries := must[[]checkpoint.AuditEntry](t)(to.History(ctx, "k", 9))
	if len(entries) != 2 || entries[0].Op != "copy" || entries[1].Op != "rewind" || entries[1].Actor != "bob@old" || *entries[1].Old != at(5) {
		t.Errorf("the history is %+v", entries)
	}
	samples := must[[]checkpoint.Sample](t)(to.Samples(ctx, "k"))
	if len(samples) != 1 || samples[0].Position != at(5) || samples[0].At.Sub(hourAgo).Abs() > time.Second {
		t.Errorf("the samples are %+v", samples)
	}
}

// TestStoresWithoutHistory: they are copied as before.
func TestStoresWithoutHistory(t *testing.T) {
	plain := func() *checkpoint.Store { return checkpoint.New(struct{ driver.Driver }{memstore.New()}, nil) }
	whole := func() *checkpoint.Store { return checkpoint.New(memstore.New(), nil) }
	for name, stores := range map[string][2]*checkpoint.Store{"source": {plain(), whole()}, "destination": {whole(), plain()}} {
		if err := stores[0].Set(t.Context(), "k", at(5)); err != nil {
			t.Fatal(err)
		}
		c := everything(t, stores[0], stores[1])
		if r, err := c.run(t.Context()); err != nil || r.Written != 1 {
			t.Errorf("the %s keeps no history: Run = %+v, %v", name, r, err)
		}
	}
}

// forgetful is a store whose history cannot be read.
type forgetful struct{ *memstore.Driver }

func (forgetful) History(context.Context, string, int) ([]driver.AuditEntry, error) {
	return nil, errAway
}

var errAway = errors.New("the engine is away")

func TestHistoryThatCannotBeReadIsAnError(t *testing.T) {
	from, to := checkpoint.New(forgetful{memstore.New()}, nil), checkpoint.New(memstore.New(), nil)
	if err := from.Set(t.Context(), "k", at(5)); err != nil {
		t.Fatal(err)
	}
	c := everything(t, from, to)
	_, err := c.run(t.Context())
	var source *intake.SourceError
	if !errors.Is(err, errAway) || !errors.As(err, &source) {
		t.Errorf("Run = %v, want the source's error", err)
	}
}

// torn is a store in which the history of q is damaged.
type torn struct{ *memstore.Driver }

func (d torn) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if key == "q" {
		return nil, driver.DamagedHistory("an entry of %q", key)
	}
	return d.Driver.History(ctx, key, n)
}

func (d torn) Samples(ctx context.Context, key string) ([]driver.Sample, error) {
	if key == "r" {
		return nil, driver.DamagedHistory("a sample of %q", key)
	}
	return d.Driver.Samples(ctx, key)
}

// TestDamagedHistoryIsOfItsKey: the other keys are taken in, and nobody is locked out of a key
// that is not.
func TestDamagedHistoryIsOfItsKey(t *testing.T) {
	ctx := t.Context()
	from, to := checkpoint.New(torn{memstore.New()}, nil), checkpoint.New(memstore.New(), nil)
	for _, key := range []string{"p", "q", "r", "s"} {
		if err := from.Set(ctx, key, at(5), checkpoint.Epoch(3)); err != nil {
			t.Fatal(err)
		}
	}
	c := everything(t, from, to)
	c.Cutover = "moved to b"
	for _, c.dry = range []bool{true, false} {
		var damaged []string
		c.tell[intake.Damaged] = func(i *intake.Item) {
			damaged = append(damaged, i.From.Key)
			if !errors.As(i.Err, new(*intake.SourceError)) || !errors.Is(i.Err, checkpoint.ErrCorruptHistory) {
				t.Errorf("%s: %v", i.From.Key, i.Err)
			}
		}
		if r, err := c.run(ctx); err != nil || r != (intake.Report{Written: 2, Raised: 2, Damaged: 2}) {
			t.Errorf("Run = %+v, %v", r, err)
		}
		if want := []string{"q", "r"}; !slices.Equal(damaged, want) {
			t.Errorf("damaged are %q, want %q", damaged, want)
		}
	}
	for key, taken := range map[string]bool{"p": true, "q": false, "r": false, "s": true} {
		if cell := must[checkpoint.Cell](t)(from.Inspect(ctx, key)); cell.Lease.Exists() != taken {
			t.Errorf("%s has the lease %+v at the source", key, cell.Lease)
		}
		if cell := must[checkpoint.Cell](t)(to.Inspect(ctx, key)); cell.Checkpoint.Exists != taken {
			t.Errorf("%s has the checkpoint %+v at the destination", key, cell.Checkpoint)
		}
	}
}
