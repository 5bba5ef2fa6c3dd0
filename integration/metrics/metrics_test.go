// Package metrics runs consumers on real engines and compares what both modules of
// metrics export. It holds the alert rules and the dashboard of docs to names that are
// exported.
package metrics

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/otelcheckpoint"
	"github.com/checkpointstore/checkpoint/promcheckpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// observers make one observer of each module, and what gathers its metrics.
var observers = map[string]func(t *testing.T) (checkpoint.Observer, prometheus.Gatherer){
	"otelcheckpoint": func(t *testing.T) (checkpoint.Observer, prometheus.Gatherer) {
		t.Helper()
		registry := prometheus.NewPedanticRegistry()
		reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
		if err != nil {
			t.Fatal(err)
		}
		o, err := otelcheckpoint.New(&otelcheckpoint.Options{
			MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)), Keys: "*",
		})
		if err != nil {
			t.Fatal(err)
		}
		return o, registry
	},
	"promcheckpoint": func(t *testing.T) (checkpoint.Observer, prometheus.Gatherer) {
		t.Helper()
		registry := prometheus.NewPedanticRegistry()
		c := promcheckpoint.New(&promcheckpoint.Options{Keys: "*"})
		registry.MustRegister(c)
		return c, registry
	},
}

var engines = map[string]func(t *testing.T) driver.Driver{
	"memory": func(*testing.T) driver.Driver { return memstore.New() },
	"sqlite": func(t *testing.T) driver.Driver {
		t.Helper()
		d, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	},
}

const events = 100

func log(context.Context) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for n := uint64(0); n < events && yield(n, nil); n++ {
		}
	}
}

// share runs a member of a group until it holds its partition and the test ends.
func share(t *testing.T, d driver.Driver, o checkpoint.Observer, from prometheus.Gatherer) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- group.Run(ctx, checkpoint.New(d, nil), "shared", group.Fixed("0"), &group.Options{
			TTL: 5 * time.Second, Observers: []checkpoint.Observer{o},
			Subscription: func(string) subscription.Options { return subscription.Options{Missing: subscription.FromStart} },
		}, func(ctx context.Context, _ string, _ *subscription.Subscription) error {
			<-ctx.Done()
			return nil
		})
	}()
	for held := -1.0; held < 1; time.Sleep(10 * time.Millisecond) {
		families, err := from.Gather()
		if err != nil {
			t.Fatal(err)
		}
		held = valueOf(families, "checkpoint_group_partitions", map[string]string{"checkpoint_group": "shared"})
	}
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// consume runs a consumer with a standby beside it, and a group, and gathers while they are
// open.
func consume(t *testing.T, d driver.Driver, o checkpoint.Observer, from prometheus.Gatherer) []*dto.MetricFamily {
	t.Helper()
	list := []checkpoint.Observer{o}
	store := checkpoint.New(d, &checkpoint.Options{Observers: list})
	defer store.Close()
	defer share(t, d, o, from)()
	opts := subscription.Options{
		Missing: subscription.FromStart, Lease: &subscription.Lease{Wait: true, TTL: time.Minute}, Observers: list,
		ReportEvery: 10 * time.Millisecond,
		Head:        func(context.Context) (checkpoint.Position, error) { return checkpoint.Offset(events + 4), nil },
		Tail:        func(context.Context) (checkpoint.Position, error) { return checkpoint.Offset(0), nil },
	}
	s, err := subscription.Open(t.Context(), store, "orders", &opts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	waiting, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := subscription.Open(waiting, store, "orders", &opts); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the standby opened: %v", err)
	}
	if err := subscription.Run(t.Context(), s, log, subscription.Handler[uint64]{
		Position: checkpoint.Offset, Handle: func(context.Context, uint64) error { return nil },
	}); err != nil {
		t.Fatal(err)
	}
	for s.Stats().Stored != checkpoint.Offset(events-1) {
		time.Sleep(time.Millisecond)
	}
	if _, err := s.Lag(t.Context()); err != nil {
		t.Fatal(err)
	}
	for {
		families, err := from.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if _, isMemory := d.(*memstore.Driver); !isMemory || valueOf(families, "checkpoint_lag_time_seconds", nil) >= 0 {
			return families // not every engine keeps reports
		}
	}
}

// valueOf returns the value of the series with these labels, or -1.
func valueOf(families []*dto.MetricFamily, name string, labels map[string]string) float64 {
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if matches(m, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return -1
}

func matches(m *dto.Metric, labels map[string]string) bool {
	for name, value := range labels {
		if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool {
			return l.GetName() == name && l.GetValue() == value
		}) {
			return false
		}
	}
	return true
}

func TestConsumerOnEachEngine(t *testing.T) {
	for engine, open := range engines {
		for module, observe := range observers {
			t.Run(engine+"/"+module, func(t *testing.T) {
				o, gatherer := observe(t)
				families := consume(t, open(t), o, gatherer)
				key := map[string]string{"checkpoint_key": "orders"}
				want := func(name string, labels map[string]string, want float64) {
					t.Helper()
					if got := valueOf(families, name, labels); got != want {
						t.Errorf("%s%v is %v, want %v", name, labels, got, want)
					}
				}
				want("checkpoint_lag", key, 5)
				want("checkpoint_in_flight", key, 0)
				want("checkpoint_oldest_in_flight_age_seconds", key, 0)
				want("checkpoint_lease_held", key, 1)
				want("checkpoint_rewinds_total", key, 0)
				of := map[string]string{"checkpoint_group": "shared"}
				want("checkpoint_group_members", of, 1)
				want("checkpoint_group_handoff_duration_seconds", of, 1)
				want("checkpoint_group_moves_total", map[string]string{"checkpoint_group": "shared", "checkpoint_move": "gained"}, 1)
				want("checkpoint_lease_lost_total", key, 0)
				want("messaging_process_duration_seconds", map[string]string{"messaging_consumer_group_name": "orders"}, events)
				want("db_client_operation_duration_seconds", map[string]string{"db_operation_name": "get", "db_system_name": engine}, 1)
				// A standby asks at intervals if the engine cannot wake it.
				want("db_client_operation_duration_seconds", map[string]string{"db_operation_name": "leaseEnds", "error_type": "unsupported"}, -1)
				if n := valueOf(families, "checkpoint_writes_total", map[string]string{"checkpoint_outcome": "advanced"}); n < 2 {
					t.Errorf("%v positions were stored, want two at least", n)
				}
				age := time.Since(time.UnixMicro(int64(valueOf(families, "checkpoint_advanced_timestamp_seconds", key) * 1e6)))
				left := valueOf(families, "checkpoint_lease_remaining_seconds", key)
				if age < 0 || age > time.Minute || left <= 0 || left > 60 {
					t.Errorf("the position is %v old, and the lease lasts for %v s", age, left)
				}
			})
		}
	}
}
