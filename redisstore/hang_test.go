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

// patient waits for answers for ever, so that only a context ends a call.
func patient(tb testing.TB, server *redistest.Server) *redis.Client {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ReadTimeout: -1, WriteTimeout: -1, MaxRetries: -1})
	tb.Cleanup(func() { client.Close() })
	return client
}

func TestHungServerEndsWithTheContext(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, patient(t, server), "prod:")
	all := every(writes, reads, deletes, clears)
	works(t, store, all)
	server.Do("CLIENT", "PAUSE", "1000000", "ALL")
	enough := errors.New("enough")
	for _, c := range all {
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.run(ctx, store) }()
		time.AfterFunc(20*time.Millisecond, func() { cancel(enough) })
		select {
		case err := <-done:
			if !errors.Is(err, enough) {
				t.Errorf("%s is %v, want the context's cause", c.name, err)
			}
		case <-time.After(patience):
			t.Errorf("%s hangs after its context has ended", c.name)
		}
	}
	server.Restart() // a paused server hears nothing, not even the end of the pause
	works(t, store, every(writes, reads, deletes, clears))
}

// With ContextTimeoutEnabled go-redis ends a call by the context's deadline on the
// connection, whose timeout comes a moment before the context's end.
func TestDeadlineOnTheConnectionIsTheContexts(t *testing.T) {
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { client.Close() })
	store := inNamespace(t, client, "prod:")
	all := every(writes, reads, deletes, clears)
	works(t, store, all)
	server.Do("CLIENT", "PAUSE", "1000000", "ALL")
	for _, c := range all {
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if err := c.run(ctx, store); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s is %v, want the end of the context", c.name, err)
			}
			cancel()
		}
	}
}

func TestOpenEndsWithTheContext(t *testing.T) {
	server := redistest.Start(t)
	server.Do("CLIENT", "PAUSE", "1000000", "ALL")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := redisstore.Open(ctx, server.URL()+"?read_timeout=-1", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open is %v, want the end of the context", err)
	}
}

// A write that reached the server, which then died, may have landed.
func TestServerKilledDuringAWrite(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, patient(t, server), "prod:")
	works(t, store, writes)
	server.Do("CLIENT", "PAUSE", "1000000", "WRITE")
	type result struct {
		outcomes []checkpoint.Outcome
		err      error
	}
	done := make(chan result, 1)
	go func() {
		o, err := store.Apply(context.WithoutCancel(t.Context()), checkpoint.Write{Key: "orders", Mark: checkpoint.Mark{Position: at(2, 2)}})
		done <- result{o, err}
	}()
	for deadline := time.Now().Add(patience); !strings.Contains(server.Do("INFO", "clients").(string), "blocked_clients:1"); {
		if time.Now().After(deadline) {
			t.Fatal("the write does not reach the server")
		}
	}
	server.Kill()
	select {
	case r := <-done:
		if len(r.outcomes) != 1 || r.outcomes[0] != checkpoint.Unknown || r.err == nil {
			t.Errorf("Apply is %v, %v, want Unknown and an error", r.outcomes, r.err)
		}
	case <-time.After(patience):
		t.Fatal("Apply hangs after the server has died")
	}
	server.Restart()
	works(t, store, writes)
}

func TestClosedClientIsErrClosed(t *testing.T) {
	server := redistest.Start(t)
	client := standalone(t, server)
	store := inNamespace(t, client, "prod:")
	works(t, store, writes)
	client.Close()
	for _, c := range every(writes, reads, deletes, clears) {
		if err := c.run(t.Context(), store); !errors.Is(err, checkpoint.ErrClosed) {
			t.Errorf("%s is %v, want ErrClosed", c.name, err)
		}
	}
}

// TestCloseWhileACallIsUnderWay pauses all that may write: scripts, and no transaction.
func TestCloseWhileACallIsUnderWay(t *testing.T) {
	server := redistest.Start(t)
	for _, c := range every(writes, reads[:3], deletes) {
		store := checkpoint.New(must(redisstore.Open(t.Context(), server.URL()+"?max_retries=-1&read_timeout=-1&no_shortcuts=true", nil)), nil)
		works(t, store, every(writes, reads, deletes))
		server.Do("CLIENT", "PAUSE", "1000000", "WRITE")
		done := make(chan error, 1)
		go func() { done <- c.run(t.Context(), store) }()
		eventually(t, c.name+" reaches the server", func() bool {
			return strings.Contains(server.Do("INFO", "clients").(string), "blocked_clients:1")
		})
		store.Close()
		if err := <-done; !errors.Is(err, checkpoint.ErrClosed) {
			t.Errorf("%s is %v, want ErrClosed", c.name, err)
		}
		server.Do("CLIENT", "UNPAUSE")
		eventually(t, "nothing is under way", func() bool {
			return strings.Contains(server.Do("INFO", "clients").(string), "blocked_clients:0")
		})
	}
}

func TestCloseClosesTheClientOfOpenOnly(t *testing.T) {
	server := redistest.Start(t)
	client := standalone(t, server)
	callers := checkpoint.New(must(redisstore.New(client, nil)), nil)
	works(t, callers, writes)
	callers.Close()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("Close closed the caller's client: %v", err)
	}
	if err := callers.Set(t.Context(), "orders", at(1, 1)); !errors.Is(err, checkpoint.ErrClosed) {
		t.Errorf("Set is %v, want ErrClosed", err)
	}

	const name = "?client_name=opened"
	store := checkpoint.New(must(redisstore.Open(t.Context(), server.URL()+name, nil)), nil)
	works(t, store, every(writes, reads))
	connected := func() bool { return strings.Contains(server.Do("CLIENT", "LIST").(string), "name=opened") }
	if !connected() {
		t.Fatal("the client of Open is not to be seen")
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); connected(); {
		if time.Now().After(deadline) {
			t.Fatal("Close leaves connections of Open behind")
		}
	}
}
