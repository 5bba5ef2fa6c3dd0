package redisstore_test

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

func at(commit, prepare uint64) checkpoint.Position {
	return checkpoint.Position{Commit: commit, Prepare: prepare}
}

// inNamespace is a Store over client.
func inNamespace(tb testing.TB, client redis.UniversalClient, namespace string) *checkpoint.Store {
	tb.Helper()
	return inNamespaceWith(tb, client, namespace, nil)
}

func inNamespaceWith(tb testing.TB, client redis.UniversalClient, namespace string, opts *checkpoint.Options) *checkpoint.Store {
	tb.Helper()
	s := checkpoint.New(must(redisstore.New(client, &redisstore.Options{Namespace: namespace})), opts)
	tb.Cleanup(func() { s.Close() })
	return s
}

// noSamples is for tests that count calls or keys: a sample is one more, if the clock passes five
// minutes meanwhile.
var noSamples = &checkpoint.Options{SampleEvery: func(string) time.Duration { return 0 }}

// storedHash is the hash at a key of the server, byte for byte.
func storedHash(server *redistest.Server, key string) map[string]string {
	flat := server.Do("HGETALL", key).([]any)
	hash := make(map[string]string)
	for pair := range slices.Chunk(flat, 2) {
		hash[pair[0].(string)] = pair[1].(string)
	}
	return hash
}

func wantHash(tb testing.TB, server *redistest.Server, key string, want map[string]string) {
	tb.Helper()
	if got := storedHash(server, key); !maps.Equal(got, want) {
		tb.Errorf("the hash at %q is %q, want %q", key, got, want)
	}
}

// wantFence is wantHash for the fence, whose times it checks by their form: when it
// was raised to its epoch, and when its lease was granted.
func wantFence(tb testing.TB, server *redistest.Server, want map[string]string) {
	tb.Helper()
	got := storedHash(server, layoutFence)
	if raised, ok := got["raised"]; ok {
		of, at, _ := strings.Cut(raised, "@")
		if of != got["epoch"] || !isRecent(at) {
			tb.Errorf("field raised of the fence with epoch %s is %q", got["epoch"], raised)
		}
	}
	if granted, ok := got["granted"]; ok && (got["owner"] == "" || !isRecent(granted)) {
		tb.Errorf("field granted of the fence is %q", granted)
	}
	delete(got, "raised")
	delete(got, "granted")
	if !maps.Equal(got, want) {
		tb.Errorf("the fence is %q, want %q", got, want)
	}
}

// isRecent reports whether s is within a minute of now, in milliseconds since 1970.
func isRecent(s string) bool {
	ms, err := strconv.ParseInt(s, 10, 64)
	return err == nil && time.Since(time.UnixMilli(ms)).Abs() < time.Minute
}

// wantKeys checks what there is on the server, all in all.
func wantKeys(tb testing.TB, server *redistest.Server, want ...string) {
	tb.Helper()
	var got []string
	for _, key := range server.Do("KEYS", "*").([]any) {
		got = append(got, key.(string))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		tb.Errorf("the server holds %q, want %q", got, want)
	}
}

// must is for the steps of a test that cannot fail but where the test is broken.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func second[T any](_ T, err error) error { return err }

// together makes n calls while the server holds everything back, so that they meet.
func together(t *testing.T, server *redistest.Server, n int, call func(i int) error) {
	t.Helper()
	server.Do("CLIENT", "PAUSE", "50", "ALL")
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- call(i) }()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// A buffer is one that a logger and a test share.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *buffer) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Len()
}
