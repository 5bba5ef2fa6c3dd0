// Package metricstest holds otelcheckpoint and promcheckpoint to the same metrics. Its
// cases run in fake time, on a real Store and real Subscriptions.
package metricstest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// Samples are what was scraped, by name and labels in the form of Prometheus:
// `checkpoint_lag{checkpoint_key="orders/1"}`. A histogram is its _count and its _sum.
// Labels are in the order of their names, and none is empty.
type Samples map[string]float64

// Open makes an observer with the pattern keys, and returns a function that scrapes it.
type Open func(t *testing.T, keys string) (observer checkpoint.Observer, scrape func() Samples)

// Run runs every case.
func Run(t *testing.T, open Open) {
	t.Helper()
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bench{T: t, mem: memstore.New(), make: open}
				b.observe("orders/*")
				test(b)
			})
		})
	}
}

var cases = map[string]func(*bench){
	"calls-duration": callsDuration,
	"calls-error":    callsError,
	"calls-answer":   callsAnswer,
	"calls-partial":  callsPartial,

	"writes-one":    writesOne,
	"writes-batch":  writesBatch,
	"writes-zero":   writesZero,
	"writes-shared": writesShared,
	"writes-keys":   writesInvalidKeys,
	"rewinds":       rewinds,

	"events-duration": eventsDuration,
	"events-no-run":   eventsWithoutRun,
	"events-failed":   eventsFailed,
	"events-parked":   eventsParked,

	"lag":            lag,
	"lag-reported":   lagReported,
	"lag-time":       lagTime,
	"tail-distance":  tailDistance,
	"advanced":       advanced,
	"advanced-again": advancedAgain,
	"advanced-hand":  advancedByHandler,
	"in-flight":      inFlight,
	"oldest":         oldest,
	"paused":         paused,
	"standby":        standby,
	"lease":          lease,
	"lease-lost":     leaseLost,
	"end":            end,
	"shared":         sharedGauges,
	"positions":      noPositions,

	"groups":          groups,
	"groups-together": groupsTogether,
	"groups-away":     groupsAway,
}

// latency is how long a read takes.
const latency = 250 * time.Millisecond

// A bench is a Store whose engine a case can disturb, and its observer.
type bench struct {
	*testing.T
	mem      *memstore.Driver
	store    *checkpoint.Store
	make     Open
	observer checkpoint.Observer
	scrape   func() Samples
}

// observe opens the store with a new observer.
func (b *bench) observe(keys string) {
	b.observer, b.scrape = b.make(b.T, keys)
	b.store = checkpoint.New(slow{b.mem}, &checkpoint.Options{Observers: []checkpoint.Observer{b.observer}})
}

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

// open opens a subscription that is told to the observer, and closes it in the end.
func (b *bench) open(key string, opts subscription.Options) *subscription.Subscription {
	b.Helper()
	opts.Missing = subscription.FromStart
	opts.Observers = []checkpoint.Observer{b.observer}
	s, err := subscription.Open(b.Context(), b.store, key, &opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close(context.Background()) })
	return s
}

func (b *bench) track(s *subscription.Subscription, n uint64) subscription.Work {
	b.Helper()
	w, err := s.Track(b.Context(), at(n))
	if err != nil {
		b.Fatal(err)
	}
	return w
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// want checks samples: each is a name with labels, and a value.
func (b *bench) want(want Samples) {
	b.Helper()
	synctest.Wait()
	got := b.scrape()
	for name, value := range want {
		if v, ok := got[name]; !ok || v != value {
			b.Errorf("%s is %v (%v), want %v", name, v, ok, value)
		}
	}
	if b.Failed() {
		b.Logf("scraped:\n%s", got)
	}
}

// wantNone checks that no sample has a name that begins like this.
func (b *bench) wantNone(prefix string) {
	b.Helper()
	synctest.Wait()
	for name, value := range b.scrape() {
		if strings.HasPrefix(name, prefix) {
			b.Errorf("%s is %v, want none", name, value)
		}
	}
}

func (s Samples) String() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&text, "%s %v\n", name, s[name])
	}
	return text.String()
}
