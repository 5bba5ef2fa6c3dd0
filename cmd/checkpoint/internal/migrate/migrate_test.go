package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/migrate"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

func open(t *testing.T, server *redistest.Server) (*checkpoint.Store, *redisstore.Driver) {
	t.Helper()
	d, err := redisstore.Open(t.Context(), server.URL()+"/0?namespace=new:", nil)
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	t.Cleanup(func() { store.Close() })
	return store, d
}

// A migration brings a Redis into today's layout.
type migration struct {
	migrate.Converter

	store            *checkpoint.Store
	dry              bool
	changed, damaged func(*intake.Item)
}

func inPlace(store *checkpoint.Store, d *redisstore.Driver) *migration {
	m := &migration{store: store}
	m.Convert = func(ctx context.Context, keys []string) ([]redisstore.Conversion, error) {
		return d.Convert(ctx, keys, time.Now())
	}
	return m
}

func (m *migration) run(ctx context.Context) (intake.Report, error) {
	j := intake.Job{
		Items: migrate.Items(ctx, m.store, "*"), To: m.store, Writer: m.Converter, Apply: !m.dry,
		Tell: func(e intake.Event, i *intake.Item) {
			switch e {
			case intake.Changed:
				m.changed(i)
			case intake.Damaged:
				m.damaged(i)
			default:
				panic(e)
			}
		},
	}
	return j.Run(ctx)
}

// TestWhileConsumersWrite migrates again and again while the consumers of the same keys
// write. No checkpoint may fall behind the position that its consumer was told is stored.
func TestWhileConsumersWrite(t *testing.T) {
	const keys, writes = 8, 400
	server := redistest.Start(t)
	store, d := open(t, server)
	for i := range keys {
		server.Do("SET", fmt.Sprintf("new:checkpoint:k%d", i), "1@1")
	}
	consumers, stop := context.WithCancel(t.Context())
	var migrations, all sync.WaitGroup
	m := inPlace(store, d)
	m.changed = func(*intake.Item) {}
	m.damaged = func(i *intake.Item) { t.Errorf("%s: %v", i.From.Key, i.Err) }
	migrations.Go(func() {
		for consumers.Err() == nil {
			if _, err := m.run(t.Context()); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range keys {
		all.Go(func() {
			key := fmt.Sprintf("k%d", i)
			for n := uint64(2); n < writes; n++ {
				p := checkpoint.Position{Commit: n, Prepare: n}
				ok, err := store.SetIfNewer(t.Context(), key, p)
				if err != nil {
					t.Error(err)
					return
				}
				cp, err := store.Get(t.Context(), key)
				if err != nil || cp.Position.Compare(p) < 0 {
					t.Errorf("%s is at %s (%v) after SetIfNewer(%s) returned %v", key, cp.Position, err, p, ok)
					return
				}
			}
		})
	}
	all.Wait()
	stop()
	migrations.Wait()
	for i := range keys {
		cp, err := store.Get(t.Context(), fmt.Sprintf("k%d", i))
		if err != nil || cp.Position.Commit != writes-1 {
			t.Errorf("k%d ends at %s, %v; want %d", i, cp.Position, err, writes-1)
		}
	}
}

// TestDryRunWritesNothing compares everything on the server before and after.
func TestDryRunWritesNothing(t *testing.T) {
	server := redistest.Start(t)
	store, d := open(t, server)
	server.Do("SET", "new:checkpoint:a", "1@1")
	server.Do("SET", "new:checkpoint:broken", "x")
	before := snapshot(server)
	var changes, damaged []string
	m := inPlace(store, d)
	m.dry = true
	m.changed = func(i *intake.Item) { changes = append(changes, i.From.Key) }
	m.damaged = func(i *intake.Item) { damaged = append(damaged, i.From.Key) }
	r, err := m.run(t.Context())
	if err != nil || r.Written != 1 || len(changes) != 1 || r.Damaged != 1 || len(damaged) != 1 {
		t.Errorf("Run = %+v, %v; told of changes %q, damage %q", r, err, changes, damaged)
	}
	if after := snapshot(server); !maps.Equal(after, before) {
		t.Error("a dry run changed something")
	}
}

// snapshot is everything on the server, except the TTLs.
func snapshot(server *redistest.Server) map[string]string {
	all := make(map[string]string)
	for _, key := range server.Do("KEYS", "*").([]any) {
		all[key.(string)] = server.Do("DUMP", key.(string)).(string)
	}
	return all
}

// TestInPlaceBesideAnOperator changes keys after the migration has read them, and before
// it writes them. A key that somebody rewound or deleted stays rewound or deleted.
func TestInPlaceBesideAnOperator(t *testing.T) {
	server := redistest.Start(t)
	store, d := open(t, server)
	m := inPlace(store, d)
	m.damaged = func(i *intake.Item) { t.Errorf("%s: %v", i.From.Key, i.Err) }
	var told []string
	m.changed = func(i *intake.Item) { told = append(told, i.From.Key+" "+i.From.Checkpoint.Position.String()) }
	for _, key := range []string{"rewound", "set", "deleted", "left"} {
		server.Do("SET", "new:checkpoint:"+key, "9@9")
	}
	convert := m.Convert
	m.Convert = func(ctx context.Context, keys []string) ([]redisstore.Conversion, error) {
		if _, err := store.Rewind(ctx, "rewound", checkpoint.Position{Commit: 1, Prepare: 1}); err != nil {
			t.Error(err)
		}
		server.Do("SET", "new:checkpoint:set", "2@2")
		if err := store.Delete(ctx, "deleted"); err != nil {
			t.Error(err)
		}
		return convert(ctx, keys)
	}
	r, err := m.run(t.Context())
	if err != nil || r.Written != 2 || r.Same != 1 {
		t.Errorf("Run = %+v, %v; want 2 changed, and the rewound one as it is", r, err)
	}
	slices.Sort(told)
	if want := []string{"left C:9/P:9", "set C:2/P:2"}; !slices.Equal(told, want) {
		t.Errorf("it tells of %q, want %q", told, want)
	}
	for key, commit := range map[string]uint64{"rewound": 1, "set": 2, "left": 9} {
		if c, err := store.Get(t.Context(), key); err != nil || c.Position.Commit != commit {
			t.Errorf("%s is at %s, %v; want %d", key, c.Position, err, commit)
		}
	}
	if c, err := store.Get(t.Context(), "deleted"); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("deleted is at %s, %v", c.Position, err)
	}
}
