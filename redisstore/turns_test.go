package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// slowly scans, and stays at the first page until the test lets it go. It says
// by a nil error that it is there, and by another why it is not.
func slowly(ctx context.Context, s *checkpoint.Store, letGo <-chan struct{}) error {
	in := make(chan error)
	go func() {
		first := true
		for _, err := range s.Scan(ctx, "*", checkpoint.PageSize(10)) {
			if first {
				in <- err
				<-letGo
			}
			first = false
		}
	}()
	return <-in
}

func TestSlowWalksLeaveConnectionsToOthers(t *testing.T) {
	const size, short = 4, 50 * time.Millisecond
	for name, start := range map[string]func(t *testing.T) redis.UniversalClient{
		"PoolSize": func(t *testing.T) redis.UniversalClient {
			t.Helper()
			return redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr(), PoolSize: size, PoolTimeout: short})
		},
		"MaxActiveConns": func(t *testing.T) redis.UniversalClient {
			t.Helper()
			return redis.NewClient(&redis.Options{
				Addr: redistest.Start(t).Addr(), PoolSize: 3 * size, MaxActiveConns: size, PoolTimeout: short,
			})
		},
		"a cluster": func(t *testing.T) redis.UniversalClient {
			t.Helper()
			return redis.NewClusterClient(&redis.ClusterOptions{
				Addrs: []string{redistest.StartCluster(t, 3, 0)[0].Addr()}, PoolSize: size, PoolTimeout: short,
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := start(t)
			t.Cleanup(func() { client.Close() })
			s := inNamespace(t, client, "prod:")
			fill(t, s, 200)
			letGo := make(chan struct{})
			in := 0
			for range size {
				err := slowly(t.Context(), s, letGo)
				if err == nil {
					in++
				} else if !strings.Contains(err.Error(), "2 walks") || !strings.Contains(err.Error(), "PoolSize") {
					t.Errorf("a walk too many gets %v, which does not say why and what to do", err)
				}
			}
			if in != size/2 {
				t.Errorf("%d walks are under way with %d connections, want half", in, size)
			}
			works(t, s, writes)
			close(letGo)
			eventually(t, "there are turns again", func() bool {
				_, err := checkpoint.Collect(s.GetAll(t.Context(), "*"))
				return err == nil
			})
		})
	}
}

func TestAWalkWaitsForItsTurn(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr(), PoolSize: 3, PoolTimeout: time.Hour})
	t.Cleanup(func() { client.Close() })
	s := inNamespace(t, client, "prod:")
	fill(t, s, 200)
	letGo := make(chan struct{})
	if err := slowly(t.Context(), s, letGo); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(enough) })
	if _, err := s.Clear(ctx, "*"); !errors.Is(err, enough) {
		t.Errorf("Clear is %v, want the context's cause", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.Clear(t.Context(), "*")
		done <- err
	}()
	close(letGo)
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Clear: %v", err)
		}
	case <-time.After(patience):
		t.Error("Clear does not get its turn")
	}
}

func TestAPoolOfOneConnectionIsNotWalked(t *testing.T) {
	server := redistest.Start(t)
	for name, o := range map[string]*redis.Options{
		"PoolSize":       {Addr: server.Addr(), PoolSize: 1},
		"MaxActiveConns": {Addr: server.Addr(), MaxActiveConns: 1},
	} {
		client := redis.NewClient(o)
		t.Cleanup(func() { client.Close() })
		s := inNamespace(t, client, "prod:")
		for _, c := range every(writes, reads, deletes, clears) {
			err := c.run(t.Context(), s)
			switch c.name {
			case "Scan", "GetAll", "Clear":
				if err == nil || !strings.Contains(err.Error(), "raise PoolSize") {
					t.Errorf("%s of 1: %s is %v, which does not say what to do", name, c.name, err)
				}
			default:
				if err != nil {
					t.Errorf("%s of 1: %s: %v", name, c.name, err)
				}
			}
		}
	}
}

// To go-redis a PoolTimeout of -1, as pool_timeout=0 makes it, means not to wait.
func TestAWalkTakesAFreeTurnWithoutPatience(t *testing.T) {
	server := redistest.Start(t)
	store := checkpoint.New(must(redisstore.Open(t.Context(), server.URL()+"?pool_timeout=0", nil)), nil)
	t.Cleanup(func() { store.Close() })
	for range 20 {
		if _, err := checkpoint.Collect(store.GetAll(t.Context(), "*")); err != nil {
			t.Fatalf("GetAll with every turn free is %v", err)
		}
	}
}
