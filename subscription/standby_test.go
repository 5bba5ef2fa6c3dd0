package subscription_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// TestStandbyAsksInProportionToTheTTL: many standbys of long leases are no load.
func TestStandbyAsksInProportionToTheTTL(t *testing.T) {
	for _, ttl := range []time.Duration{100 * time.Millisecond, leaseTTL, 5 * time.Minute} {
		bubble(t, func(b bench) {
			opts := leased("a", false)
			opts.Lease.TTL = ttl
			b.open(opts)
			var asked counting
			b.store = checkpoint.New(b.mem, &checkpoint.Options{Observers: []checkpoint.Observer{&asked}})
			opts.Lease = &subscription.Lease{Owner: "b", TTL: ttl, Wait: true}
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			defer cancel()
			if _, err := subscription.Open(ctx, b.store, key, &opts); !errors.Is(err, context.DeadlineExceeded) {
				b.Errorf("Open: %v; want the end of its context", err)
			}
			most := int64(time.Hour/max(ttl/50, 50*time.Millisecond)) + 2
			if n := asked.Load(); n > most || n < most/2 {
				b.Errorf("with a TTL of %v a standby asks %d times in an hour, want at most %d", ttl, n, most)
			}
		})
	}
}

// counting counts how often a lease is asked for.
type counting struct{ atomic.Int64 }

func (c *counting) CallEnd(_ context.Context, call checkpoint.Call, _ checkpoint.CallResult) {
	if call.Op == "acquire" {
		c.Add(1)
	}
}

// TestOwnersAreUniqueByDefault: an owner that asks again gets the lease, so that
// instances of one machine would take it from each other.
func TestOwnersAreUniqueByDefault(t *testing.T) {
	bubble(t, func(b bench) {
		var text bytes.Buffer
		opts := leased("", false)
		opts.Logger = slog.New(slog.NewTextHandler(&text, nil))
		b.open(opts)
		var held *checkpoint.LeaseHeldError
		if err := b.openFails(opts); !errors.As(err, &held) {
			b.Fatalf("a second instance on this machine: %v; want a LeaseHeldError", err)
		}
		if host, err := os.Hostname(); err == nil && !strings.HasPrefix(held.Owner, fmt.Sprintf("%s-%d-", host, os.Getpid())) {
			b.Errorf("the owner is %q, want one that tells the host and the process", held.Owner)
		}
		if line := text.String(); !strings.Contains(line, "the lease is acquired") || !strings.Contains(line, "owner="+held.Owner) {
			b.Errorf("the log does not show the owner %q:\n%s", held.Owner, line)
		}
	})
}
