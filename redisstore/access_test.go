package redisstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// as is a client that logs in as user, whose password is "secret".
func as(tb testing.TB, server *redistest.Server, user string) *redis.Client {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: user, Password: "secret"})
	tb.Cleanup(func() { client.Close() })
	return client
}

func TestUserWithoutPermissions(t *testing.T) {
	server := redistest.Start(t)
	works(t, inNamespace(t, standalone(t, server), "prod:"), writes)
	all := every(reads, writes, deletes, clears)
	server.Do("ACL", "SETUSER", "no-commands", "on", ">secret", "~*", "-@all", "+hello", "+auth", "+ping")
	server.Do("ACL", "SETUSER", "no-keys", "on", ">secret", "+@all", "~other:*")
	t.Run("for commands", func(t *testing.T) {
		store := inNamespace(t, as(t, server, "no-commands"), "prod:")
		fails(t, store, all, "NOPERM")
		failsToApply(t, store)
	})
	t.Run("for keys", func(t *testing.T) {
		store := inNamespace(t, as(t, server, "no-keys"), "prod:")
		fails(t, store, every(reads[:3], writes, deletes), "NOPERM") // Redis lets anybody SCAN
		failsToApply(t, store)
	})
}

// A script may be refused a command in its midst: that is neither success nor
// damage, and must not lose what is stored.
func TestUserWithoutPermissionForOneCommand(t *testing.T) {
	server := redistest.Start(t)
	full := inNamespace(t, standalone(t, server), "prod:")
	for _, missing := range []string{"hset", "hmget", "hget", "getrange"} {
		t.Run(missing, func(t *testing.T) {
			server.Do("FLUSHALL")
			server.Do("ACL", "SETUSER", "user", "reset", "on", ">secret", "~*", "+@all", "-"+missing)
			store := inNamespace(t, as(t, server, "user"), "prod:")
			server.Do("HSET", layoutKey, "commit", "1", "prepare", "1")
			server.Do("SET", "prod:checkpoint:older", "1@1")
			failed := 0
			for _, key := range []string{"orders", "older"} {
				for _, opts := range [][]checkpoint.WriteOption{nil, {checkpoint.Epoch(1)}} {
					want := at(1, 1)
					ok, err := store.SetIfNewer(t.Context(), key, at(2, 2), opts...)
					switch {
					case errors.Is(err, checkpoint.ErrCorrupt):
						t.Errorf("SetIfNewer of %s takes the refusal for damage: %v", key, err)
					case ok != (err == nil):
						t.Errorf("SetIfNewer of %s is %v, %v", key, ok, err)
					case ok:
						want = at(2, 2)
					default:
						failed++
					}
					if c, err := full.Get(t.Context(), key); err != nil || c.Position.Compare(want) < 0 {
						t.Errorf("%s is %v, %v, want %v", key, c.Position, err, want)
					}
				}
			}
			if failed == 0 {
				t.Error("no write fails")
			}
			server.Do("ACL", "SETUSER", "user", "+"+missing)
			works(t, store, every(writes, reads, deletes, clears))
		})
	}
}

func TestWrongPassword(t *testing.T) {
	const password = "pass:w/rd that nobody may see"
	server := redistest.Start(t, "requirepass secret")
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: password})
	t.Cleanup(func() { client.Close() })
	store := inNamespace(t, client, "prod:")
	fails(t, store, every(reads, writes, deletes, clears), "WRONGPASS")
	many := make([]checkpoint.Write, 50)
	for i := range many {
		many[i].Key = "orders"
	}
	got, err := store.Apply(t.Context(), many...)
	for _, o := range got {
		if o.Landed() {
			t.Errorf("Apply is %v, %v", got, err)
			break
		}
	}

	url := "redis://:pass%3Aw%2Frd%20that%20nobody%20may%20see@" + server.Addr()
	_, openErr := redisstore.Open(t.Context(), url, nil)
	for _, err := range []error{err, openErr} {
		if err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
			t.Errorf("the error is %v, want WRONGPASS", err)
		} else if strings.Contains(err.Error(), "nobody") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestNoPasswordWhereOneIsNeeded(t *testing.T) {
	server := redistest.Start(t, "requirepass secret")
	store := inNamespace(t, standalone(t, server), "prod:")
	rewind := writes[2:3]
	fails(t, store, every(reads, writes[:2], writes[3:], deletes, clears), "NOAUTH")
	failsToApply(t, store)
	if _, err := redisstore.Open(t.Context(), server.URL(), nil); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("Open is %v, want NOAUTH", err)
	}
	// At more than ten arguments Redis calls it a protocol error, and hangs up.
	fails(t, store, rewind, "")
}

// TestServersWithoutRole are services that speak Redis's protocol, and not all of it.
func TestServersWithoutRole(t *testing.T) {
	s := inNamespace(t, standalone(t, redistest.Start(t, `rename-command ROLE ""`)), "prod:")
	if _, err := s.Get(t.Context(), "orders"); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("Get of a missing key is %v, want not found", err)
	}
	works(t, s, every(writes, reads, clears))
}
