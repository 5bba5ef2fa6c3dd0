package metricstest

import (
	"context"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
)

// calls are what a consumer and an operator call often. The pattern is "orders/*".
var calls = map[string]func(ctx context.Context, s *checkpoint.Store) error{
	"get": func(ctx context.Context, s *checkpoint.Store) error {
		_, err := s.Get(ctx, "orders/1")
		return err
	},
	"setIfNewer": func(ctx context.Context, s *checkpoint.Store) error {
		_, err := s.SetIfNewer(ctx, "orders/1", at(1))
		return err
	},
	"setIfNewer-shared": func(ctx context.Context, s *checkpoint.Store) error {
		_, err := s.SetIfNewer(ctx, "other", at(1))
		return err
	},
	"apply": func(ctx context.Context, s *checkpoint.Store) error {
		_, err := s.Apply(ctx, checkpoint.Write{Key: "orders/1"}, checkpoint.Write{Key: "orders/2"})
		return err
	},
}

func open(observers ...checkpoint.Observer) *checkpoint.Store {
	return checkpoint.New(memstore.New(), &checkpoint.Options{Observers: observers})
}

// Allocations checks that the observer adds two allocations to a call at most.
func Allocations(t *testing.T, observer checkpoint.Observer) {
	t.Helper()
	count := func(s *checkpoint.Store, call func(context.Context, *checkpoint.Store) error) float64 {
		if err := s.Set(t.Context(), "orders/1", at(1)); err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(1000, func() {
			if err := call(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		})
	}
	for name, call := range calls {
		if without, with := count(open(), call), count(open(observer), call); with > without+2 {
			t.Errorf("%s makes %v allocations with the observer, and %v without", name, with, without)
		}
	}
}

// Benchmark measures each call without the observer and with it.
func Benchmark(b *testing.B, observer checkpoint.Observer) {
	b.Helper()
	for name, call := range calls {
		for with, s := range map[string]*checkpoint.Store{"without": open(), "with": open(observer)} {
			b.Run("call="+name+"/observer="+with, func(b *testing.B) {
				if err := s.Set(b.Context(), "orders/1", at(1)); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := call(b.Context(), s); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
