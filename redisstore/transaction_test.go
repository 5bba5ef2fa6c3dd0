package redisstore

import (
	"testing"

	"github.com/redis/go-redis/v9"
)

// A serverError is what a server answers.
type serverError string

func (e serverError) Error() string { return string(e) }

func (serverError) RedisError() {}

// TestABundleWhoseRedirectIsAllThatIsKnown: the node that the client was led to may have made
// the writes.
func TestABundleWhoseRedirectIsAllThatIsKnown(t *testing.T) {
	for text, want := range map[string]int{
		"ASK 1 127.0.0.1:1":   0,
		"MOVED 1 127.0.0.1:1": 0,
		"OOM command not allowed when used memory > 'maxmemory'.": 2,
	} {
		b := bundle{call: change(t.Context(), "evalsha")}
		for range 2 {
			c := change(t.Context(), "evalsha")
			b.writes = append(b.writes, &c)
		}
		b.call.SetErr(serverError(text))
		left, _ := b.settle(new(pipelines))
		if len(left) != want {
			t.Errorf("%s: %d writes are sent again, want %d", text, len(left), want)
		}
		for _, c := range b.writes {
			if (c.Err() != nil) != (want == 0) {
				t.Errorf("%s: a write has the error %v", text, c.Err())
			}
		}
	}
}

// TestABundleThatMayHaveRunInACluster is not sent again. If the client gets no connection, it
// sends the bundle a second time, and if that answer is lost, it may report the first error: what
// the server said to the connection.
func TestABundleThatMayHaveRunInACluster(t *testing.T) {
	confirming := &pipelines{cluster: new(redis.ClusterClient), confirm: confirmation{replicas: 1}}
	for text, want := range map[string]int{
		"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.": 0,
		"WRONGPASS invalid username-password pair or user is disabled.":                          0,
		"OOM command not allowed when used memory > 'maxmemory'.":                                1,
		"NOPERM No permissions to access a key":                                                  1,
	} {
		for p, want := range map[*pipelines]int{{cluster: new(redis.ClusterClient)}: want, confirming: 1, {}: 1} {
			c := change(t.Context(), "evalsha")
			b := bundle{call: change(t.Context(), "evalsha"), writes: []*command{&c}}
			b.call.SetErr(serverError(text))
			if left, _ := b.settle(p); len(left) != want {
				t.Errorf("%s, in a cluster: %t: %d writes are sent again, want %d", text, p.cluster != nil, len(left), want)
			}
		}
	}
}

// TestRefusalsThatPass: a server that is loading may take the next transaction.
func TestRefusalsThatPass(t *testing.T) {
	for text, want := range map[string]bool{
		"NOPERM this user has no permissions to run the 'exec' command":                                             true,
		"EXECABORT Transaction discarded because of: NOPERM this user has no permissions to run the 'exec' command": true,
		"ERR EXEC without MULTI":                                                 true,
		"ERR unknown command 'exec'":                                             true,
		"EXECABORT Transaction discarded because of previous errors.":            false,
		"LOADING Redis is loading the dataset in memory":                         false,
		"BUSY Redis is busy running a script. You can only call SCRIPT KILL ...": false,
	} {
		c := readScript.command(t.Context(), new(room), true, 0, func(_ int, to []any) []any { return append(to, 1, "k") })
		read := transaction{of: []*command{&c}, keys: 1, exec: query(t.Context(), "exec"), room: new(room)}
		read.exec.SetErr(serverError(text))
		if again, refused := read.settle(new(pipelines)); len(again) != 1 || refused != want {
			t.Errorf("%s: %d reads go by the script, and the transaction is refused for good: %t, want 1 and %t", text, len(again), refused, want)
		}
	}
}
