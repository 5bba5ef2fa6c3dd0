package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// wakes waits until c receives a value.
func wakes(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case _, ok := <-c:
		if !ok {
			t.Fatalf("%s: the channel is closed", what)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: nobody is woken", what)
	}
}

func ends(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	for deadline := time.After(30 * time.Second); ; {
		select {
		case _, ok := <-c:
			if !ok {
				return
			}
		case <-deadline:
			t.Fatalf("%s: the channel stays open", what)
		}
	}
}

// TestStandbyTakesOverAtOnce: the standby's own turn is 72 seconds away, so that it
// takes over in time only if it is woken.
func TestStandbyTakesOverAtOnce(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	server := redistest.Start(t)
	for name, connect := range map[string]func() redis.UniversalClient{
		"one server": func() redis.UniversalClient { return standalone(t, server) },
		"a cluster":  func() redis.UniversalClient { return cluster(t, nodes) },
	} {
		t.Run(name, func(t *testing.T) {
			open := func(owner string) (*subscription.Subscription, error) {
				return subscription.Open(t.Context(), inNamespace(t, connect(), "prod:"), "orders", &subscription.Options{
					Missing: subscription.FromStart,
					Lease:   &subscription.Lease{Owner: owner, TTL: time.Hour, Wait: true},
				})
			}
			first := must(open("a"))
			type opened struct {
				s   *subscription.Subscription
				err error
			}
			second := make(chan opened, 1)
			go func() {
				s, err := open("b")
				second <- opened{s, err}
			}()
			time.Sleep(time.Second) // it waits
			if err := first.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			select {
			case o := <-second:
				if o.err != nil {
					t.Fatal(o.err)
				}
				o.s.Close(context.Background())
			case <-time.After(30 * time.Second):
				t.Fatal("the standby waits for its turn")
			}
		})
	}
}

// subscribers is how many connections of the server listen.
func subscribers(server *redistest.Server) int {
	return strings.Count(server.Do("CLIENT", "LIST", "TYPE", "PUBSUB").(string), "id=")
}

func TestWaitersShareAConnection(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	ctx, cancel := context.WithCancel(t.Context())
	for _, key := range []string{"a", "b", "c"} {
		wakes(t, must(store.LeaseEnds(ctx, key)), key)
	}
	left, leave := context.WithCancel(t.Context())
	wakes(t, must(store.LeaseEnds(left, "gone")), "gone")
	if n := subscribers(server); n != 1 {
		t.Errorf("%d connections listen for four keys, want 1", n)
	}
	leave()
	eventually(t, "nobody listens for a key whose waiter has left", func() bool {
		return server.Do("PUBSUB", "NUMSUB", "prod:checkpoint:gone").([]any)[1] == int64(0)
	})
	cancel()
	eventually(t, "no connection listens if nobody waits", func() bool { return subscribers(server) == 0 })
	wakes(t, must(store.LeaseEnds(t.Context(), "a")), "who comes later")
}

func TestWaiterIsWokenAfterABrokenConnection(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	lease := must(store.Acquire(t.Context(), "orders", "a", time.Hour))
	waiter := must(store.LeaseEnds(t.Context(), "orders"))
	wakes(t, waiter, "first")
	server.Do("CLIENT", "KILL", "TYPE", "PUBSUB")
	wakes(t, waiter, "a connection that was killed")
	server.Kill()
	server.Restart()
	wakes(t, waiter, "a server that was restarted")
	if err := store.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	wakes(t, waiter, "Release")
}

// TestRefusalIsLoggedOnce: a user who may not publish or subscribe loses nothing except
// the wake-up, and the server refuses once.
func TestRefusalIsLoggedOnce(t *testing.T) {
	for name, missing := range map[string]string{
		"channels": "resetchannels", "PUBLISH": "-publish", "SUBSCRIBE": "-subscribe", "UNSUBSCRIBE": "-unsubscribe",
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			server.Do("ACL", "SETUSER", "user", "reset", "on", ">secret", "~*", "&*", "+@all", missing)
			var log buffer
			d := must(redisstore.New(as(t, server, "user"), &redisstore.Options{
				Namespace: "prod*:", Logger: slog.New(slog.NewTextHandler(&log, nil)),
			}))
			store := checkpoint.New(d, nil)
			defer store.Close()
			for i := range 3 {
				lease := must(store.Acquire(t.Context(), "orders", "a", time.Hour))
				left, leave := context.WithCancel(t.Context())
				waiter, err := store.LeaseEnds(t.Context(), "orders")
				other, _ := store.LeaseEnds(left, "other")
				if i == 0 && name != "channels" && name != "SUBSCRIBE" {
					wakes(t, waiter, "first")
					wakes(t, other, "first")
				}
				leave()
				_ = must(store.ReleaseMany(t.Context(), lease, checkpoint.Lease{Key: "other"}))
				_ = must(store.Revoke(t.Context(), "orders"))
				if name == "PUBLISH" {
					continue
				}
				if err == nil {
					ends(t, waiter, name)
				} else if i == 0 || !errors.Is(err, checkpoint.ErrUnsupported) {
					t.Errorf("LeaseEnds: %v", err)
				}
			}
			if _, err := store.LeaseEnds(t.Context(), "orders"); !errors.Is(err, checkpoint.ErrUnsupported) {
				t.Errorf("LeaseEnds of one who may not: %v, want ErrUnsupported", err)
			}
			if n := strings.Count(log.String(), "level=INFO"); n != 1 || !strings.Contains(log.String(), `&prod\\*:checkpoint:*`) {
				t.Errorf("the log has %d lines, want one with the rule:\n%s", n, log.String())
			}
			refused := 0
			for _, entry := range server.Do("ACL", "LOG").([]any) {
				if text := strings.ToLower(fmt.Sprint(entry)); strings.Contains(text, "publish") || strings.Contains(text, "subscribe") ||
					strings.Contains(text, "reason channel") {
					refused++
					if !strings.Contains(text, "count 1 ") {
						t.Errorf("the server has refused more than once: %s", text)
					}
				}
			}
			if refused != 1 {
				t.Errorf("the server has refused %d times, want once", refused)
			}
		})
	}
}

func TestLayoutWithoutFencesWakesNobody(t *testing.T) {
	d := must(redisstore.New(standalone(t, redistest.Start(t)), &redisstore.Options{Prefix: "bill-"}))
	if _, err := checkpoint.New(d, nil).LeaseEnds(t.Context(), "k"); !errors.Is(err, checkpoint.ErrUnsupported) {
		t.Errorf("LeaseEnds: %v, want ErrUnsupported", err)
	}
}

// TestListeningToAHungServer: neither LeaseEnds nor Close waits for a server that does
// not answer, whatever the client's timeouts.
func TestListeningToAHungServer(t *testing.T) {
	for name, connect := range map[string]func(*redistest.Server) redis.UniversalClient{
		"timeouts by default": func(s *redistest.Server) redis.UniversalClient { return standalone(t, s) },
		"no timeouts":         func(s *redistest.Server) redis.UniversalClient { return patient(t, s) },
	} {
		for _, listens := range []bool{false, true} {
			t.Run(name+", "+map[bool]string{false: "first", true: "later"}[listens], func(t *testing.T) {
				server := redistest.Start(t)
				store := checkpoint.New(must(redisstore.New(connect(server), nil)), nil)
				if listens {
					wakes(t, must(store.LeaseEnds(t.Context(), "before")), "before")
				}
				server.Pause()
				defer server.Resume()
				waiter := must(store.LeaseEnds(t.Context(), "orders"))
				time.Sleep(100 * time.Millisecond) // it is asked for
				closed := make(chan error, 1)
				go func() { closed <- store.Close() }()
				select {
				case err := <-closed:
					if err != nil {
						t.Errorf("Close: %v", err)
					}
				case <-time.After(30 * time.Second):
					t.Fatal("Close waits for the server")
				}
				ends(t, waiter, "after Close")
			})
		}
	}
}
