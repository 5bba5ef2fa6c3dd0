package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

const patience = 30 * time.Second

// program is the example, built once for all tests.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "redisstream-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "redisstream")
		if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v\n%s", err, out))
		}
		return leaktest.Check(m).Run()
	}())
}

// A world is some streams, all that was written to them, and the program's file.
type world struct {
	*testing.T
	server  *redistest.Server
	client  *redis.Client
	path    string
	streams []string
	ttl     time.Duration

	mu      sync.Mutex
	written []order
}

// An order is an event in its stream.
type order struct {
	event
	stream string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { client.Close() })
	return &world{T: t, server: server, client: client, path: filepath.Join(t.TempDir(), "orders.db"), streams: []string{"orders"}, ttl: 600 * time.Millisecond}
}

// write appends n orders, over so many connections of the pool at once.
func (w *world) write(ctx context.Context, connections, n int) {
	var writers sync.WaitGroup
	for range connections {
		writers.Go(func() {
			for range n / connections {
				e := order{stream: w.streams[rand.IntN(len(w.streams))]}
				e.customer, e.cents = fmt.Sprintf("customer-%d", rand.IntN(20)), rand.Int64N(100_000)
				id, err := w.client.XAdd(ctx, &redis.XAddArgs{Stream: e.stream, Values: []any{"customer", e.customer, "cents", e.cents}}).Result()
				if err == nil {
					e.position, err = checkpoint.ParsePosition(id)
				}
				if err != nil {
					w.Error(err)
					return
				}
				w.mu.Lock()
				w.written = append(w.written, e)
				w.mu.Unlock()
			}
		})
	}
	writers.Wait()
}

// heads returns the position of the last event of each stream.
func (w *world) heads() map[string]checkpoint.Position {
	heads := make(map[string]checkpoint.Position)
	for _, stream := range w.streams {
		heads[stream] = checkpoint.Position{}
	}
	for _, e := range w.written {
		if e.position.Compare(heads[e.stream]) > 0 {
			heads[e.stream] = e.position
		}
	}
	return heads
}

// head returns the position of the last event of the first stream.
func (w *world) head() checkpoint.Position { return w.heads()[w.streams[0]] }

// A process is the program at work. An instance that starts again has its old name, and
// so does not wait until its lease has ended.
type process struct {
	*exec.Cmd
	output bytes.Buffer
}

func (w *world) start(flags ...string) *process {
	w.Helper()
	args := []string{"-redis", w.server.Addr(), "-db", w.path, "-streams", strings.Join(w.streams, ","), "-ttl", w.ttl.String(), "-member", "a"}
	p := &process{Cmd: exec.CommandContext(w.Context(), program, append(args, flags...)...)}
	p.Stdout, p.Stderr = &p.output, &p.output
	if err := p.Start(); err != nil {
		w.Fatal(err)
	}
	return p
}

// refuses runs the program, which must fail by itself.
func (w *world) refuses(flags ...string) {
	w.Helper()
	p := w.start(flags...)
	overdue := time.AfterFunc(patience, func() { _ = p.Process.Kill() })
	defer overdue.Stop()
	var exit *exec.ExitError
	if err := p.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		w.Errorf("the program ended with %v, want exit code 1", err)
	}
	w.Logf("%s", p.output.Bytes())
}

func (w *world) kill(p *process) {
	w.Helper()
	if err := p.Process.Kill(); err != nil {
		w.Fatalf("%v: %s", err, p.output.Bytes())
	}
	_ = p.Wait()
	if status, _ := p.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
		w.Fatalf("the program ended before it was killed: %v\n%s", p.ProcessState, p.output.Bytes())
	}
}

// waitUntilReading waits until the program reads the stream. The server is
// asked, since to open the file would recover it in the program's stead.
func (w *world) waitUntilReading() {
	w.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		clients, err := w.client.ClientList(w.Context()).Result()
		if err != nil {
			w.Fatal(err)
		}
		if strings.Contains(clients, " cmd=xread ") {
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("after %v the program does not read", patience)
		}
	}
}

// terminate ends the program as a supervisor does.
func (w *world) terminate(p *process) {
	w.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		w.Fatalf("%v: %s", err, p.output.Bytes())
	}
	if err := p.Wait(); err != nil {
		w.Errorf("after SIGTERM: %v, want exit code 0\n%s", err, p.output.Bytes())
	}
}

func (w *world) store() *checkpoint.Store {
	w.Helper()
	d, err := sqlitestore.Open(w.Context(), w.path, nil)
	if err != nil {
		w.Fatal(err)
	}
	return checkpoint.New(d, nil)
}

// key is that of a stream's checkpoint.
func key(stream string) string { return group.Key(groupName, stream) }

// stored returns the checkpoints that there are.
func (w *world) stored() map[string]checkpoint.Position {
	w.Helper()
	store := w.store()
	defer store.Close()
	return w.storedIn(store)
}

func (w *world) storedIn(store *checkpoint.Store) map[string]checkpoint.Position {
	w.Helper()
	positions := make(map[string]checkpoint.Position)
	for _, stream := range w.streams {
		switch cp, err := store.Get(w.Context(), key(stream)); {
		case err == nil:
			positions[stream] = cp.Position
		case !errors.Is(err, checkpoint.ErrNotFound):
			w.Fatal(err)
		}
	}
	return positions
}

// waitForHeads waits until the checkpoint of each stream is at the stream's last event.
func (w *world) waitForHeads() {
	w.Helper()
	heads := w.heads()
	store := w.store()
	defer store.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		stored := w.storedIn(store)
		if maps.Equal(stored, heads) {
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("after %v the checkpoints are %v, want %v", patience, stored, heads)
		}
	}
}

type revenue struct{ orders, cents int64 }

// wantExactlyOnce compares the read model with the events up to the checkpoints,
// and returns how many those are.
func (w *world) wantExactlyOnce() int {
	w.Helper()
	stored := w.stored()
	want := make(map[string]revenue)
	n := 0
	for _, e := range w.written {
		if e.position.Compare(stored[e.stream]) <= 0 {
			r := want[e.customer]
			want[e.customer] = revenue{r.orders + 1, r.cents + e.cents}
			n++
		}
	}
	db, err := sql.Open("sqlite", w.path)
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(w.Context(), "SELECT customer, orders, cents FROM revenue")
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	got := make(map[string]revenue)
	for rows.Next() {
		var customer string
		var r revenue
		if err := rows.Scan(&customer, &r.orders, &r.cents); err != nil {
			w.Fatal(err)
		}
		got[customer] = r
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	if !maps.Equal(got, want) {
		w.Fatalf("with the checkpoints at %v, after %d events, the read model is\n%v\nwant\n%v", stored, n, got, want)
	}
	return n
}
