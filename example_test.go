package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
)

// A consumer resumes after its checkpoint, and tells a first run from a store
// that fails.
func Example() {
	ctx := context.Background()
	store := checkpoint.New(memstore.New(), nil)

	from := "the start"
	cp, err := store.Get(ctx, "order-processor")
	switch {
	case errors.Is(err, checkpoint.ErrNotFound):
		// The first run.
	case err != nil:
		log.Fatal(err) // damaged or out of reach: no reason to start over
	default:
		from = cp.Position.String()
	}
	fmt.Println("reading from", from)

	// When the work up to a position is done, and not before:
	done := checkpoint.Position{Commit: 1200, Prepare: 1180}
	if _, err := store.SetIfNewer(ctx, "order-processor", done); err != nil {
		log.Fatal(err)
	}
	cp, err = store.Get(ctx, "order-processor")
	fmt.Println("next time from", cp.Position, err)
	fmt.Println("closed:", store.Close())
	// Output:
	// reading from the start
	// next time from C:1200/P:1180 <nil>
	// closed: <nil>
}

// An instance that is behind cannot take the checkpoint back, also where a
// float64 would no longer see the difference.
func ExampleStore_SetIfNewer() {
	ctx := context.Background()
	store := checkpoint.New(memstore.New(), nil)

	newer := checkpoint.Position{Commit: 12345678901234567890, Prepare: 12345678901234567890}
	older := checkpoint.Position{Commit: 12345678901234567889, Prepare: 12345678901234567889}
	for _, p := range []checkpoint.Position{newer, older, newer} {
		updated, err := store.SetIfNewer(ctx, "order-processor", p)
		fmt.Println(updated, err)
	}
	// Output:
	// true <nil>
	// false <nil>
	// true <nil>
}

// Rewind resets a consumer while it runs: what still writes with the old epoch
// is refused and cannot undo it.
func ExampleStore_Rewind() {
	ctx := context.Background()
	store := checkpoint.New(memstore.New(), nil)
	at := func(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

	const epoch = 1 // the running consumer's
	if _, err := store.SetIfNewer(ctx, "report", at(900), checkpoint.Epoch(epoch)); err != nil {
		log.Fatal(err)
	}

	cp, err := store.Rewind(ctx, "report", at(100))
	fmt.Println("rewound to", cp.Position, "with epoch", cp.Epoch, err)

	_, err = store.SetIfNewer(ctx, "report", at(901), checkpoint.Epoch(epoch))
	fmt.Println("the old instance is fenced:", errors.Is(err, checkpoint.ErrFenced))
	// Output:
	// rewound to C:100/P:100 with epoch 2 <nil>
	// the old instance is fenced: true
}

// A batch writes many checkpoints in one go, and says what became of each.
func ExampleStore_Apply() {
	ctx := context.Background()
	store := checkpoint.New(memstore.New(), nil)
	at := func(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

	outcomes, err := store.Apply(ctx,
		checkpoint.Write{Key: "orders/0", Mark: checkpoint.Mark{Position: at(10)}, IfNewer: true},
		checkpoint.Write{Key: "orders/1", Mark: checkpoint.Mark{Position: at(12)}, IfNewer: true},
		checkpoint.Write{Key: "orders/0", Mark: checkpoint.Mark{Position: at(9)}, IfNewer: true},
	)
	for _, outcome := range outcomes {
		fmt.Println(outcome)
	}
	fmt.Println(err)
	// Output:
	// advanced
	// advanced
	// stale
	// <nil>
}

// GetAll walks the checkpoints that match a pattern. An error is the last pair.
func ExampleStore_GetAll() {
	ctx := context.Background()
	store := checkpoint.New(memstore.New(), nil)
	for i, key := range []string{"orders/0", "orders/1", "audit"} {
		p := checkpoint.Position{Commit: uint64(i), Prepare: uint64(i)}
		if err := store.Set(ctx, key, p); err != nil {
			log.Fatal(err)
		}
	}
	for cp, err := range store.GetAll(ctx, "orders/*") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(cp.Key, cp.Position)
	}
	// Output:
	// orders/0 C:0/P:0
	// orders/1 C:1/P:1
}

// A checkpoint may expire. Each write says for how long it lives; one without
// a TTL makes it live for ever.
func ExampleTTL() {
	ctx := context.Background()
	store := checkpoint.New(memstore.New(), nil)

	p := checkpoint.Position{Commit: 1, Prepare: 1}
	err := store.Set(ctx, "trial", p, checkpoint.TTL(24*time.Hour))
	cp, _ := store.Get(ctx, "trial")
	fmt.Println(err, "expires:", !cp.ExpiresAt.IsZero())

	err = store.Touch(ctx, "trial", 0)
	cp, _ = store.Get(ctx, "trial")
	fmt.Println(err, "expires:", !cp.ExpiresAt.IsZero())
	// Output:
	// <nil> expires: true
	// <nil> expires: false
}

// QuotePattern keeps text from a user out of the pattern's own language.
func ExampleQuotePattern() {
	tenant := "acme[eu]*"
	fmt.Println(checkpoint.QuotePattern(tenant) + "/*")
	// Output: acme\[eu\]\*/*
}

// Of two instances one is at work. When it dies the other takes over, and what
// is left of the first cannot write any more.
func ExampleStore_Acquire() {
	ctx := context.Background()
	store := checkpoint.New(memstore.New(), nil)
	first, _ := store.Acquire(ctx, "orders", "instance-1", 30*time.Second)
	_, err := store.Acquire(ctx, "orders", "instance-2", 30*time.Second)
	fmt.Println(errors.Is(err, checkpoint.ErrLeaseHeld))

	_ = store.Release(ctx, first) // or it expires
	second, _ := store.Acquire(ctx, "orders", "instance-2", 30*time.Second)
	p := checkpoint.Position{Commit: 12, Prepare: 12}
	_, err = store.SetIfNewer(ctx, "orders", p, checkpoint.Epoch(first.Epoch))
	fmt.Println(errors.Is(err, checkpoint.ErrFenced))
	updated, err := store.SetIfNewer(ctx, "orders", p, checkpoint.Epoch(second.Epoch))
	fmt.Println(updated, err)
	// Output:
	// true
	// true
	// true <nil>
}
