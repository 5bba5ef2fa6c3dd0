package cli_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/cli"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// losing is an engine whose server dies when it has done the first part of a change.
type losing struct{ *memstore.Driver }

var errLost = &net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 6379}, Err: errors.New("connection refused")}

func (d losing) Delete(ctx context.Context, keys []string) (int, error) {
	n, err := d.Driver.Delete(ctx, keys[:2])
	return n, errors.Join(err, errLost)
}

func (d losing) Write(ctx context.Context, batch []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(batch))
	for i, w := range batch {
		if results[i] = (driver.Result{Outcome: driver.Failed, Err: errLost}); w.Key == "a" {
			done, err := d.Driver.Write(ctx, batch[i:i+1])
			if err != nil {
				return nil, err
			}
			results[i] = done[0]
		}
	}
	return results, nil
}

func (d losing) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	if key == "a" {
		return d.Driver.RaiseFence(ctx, key, atLeast)
	}
	return 0, errLost
}

// TestExplainSaysWhatWasDone: each explanation of an error also says what was done before, and
// how to go on.
func TestExplainSaysWhatWasDone(t *testing.T) {
	const lost = "cannot reach Memory at 10.0.0.7:6379: connection refused; is the server running? --store names another"
	const lines = `{"key":"a","commit":"1","prepare":"1"}` + "\n" + `{"key":"d","commit":"1","prepare":"1"}` + "\n"
	for name, c := range map[string]struct {
		args        []string
		stdin, want string
	}{
		"clear":  {[]string{"clear", "*", "--yes"}, "", "at least 2 checkpoints were removed, then: " + lost},
		"fence":  {[]string{"clear", "*", "--yes", "--fence"}, "", "nothing was removed, but 1 fence was raised: " + lost},
		"rewind": {[]string{"rewind", "*", "2", "--apply"}, "", "1 of 3 were rewound, then: " + lost},
		"rest": {
			[]string{"rewind", "*", "2", "--apply"},
			"damage",
			"1 of 2 were rewound, then: " + lost + "; 1 damaged; `checkpoint set KEY POSITION` or `checkpoint delete KEY` repairs a checkpoint",
		},
		"import": {
			[]string{"import"},
			lines,
			"line 2: " + lost + "; the lines before it are done: go on with `checkpoint import --from-line 2`",
		},
		"foreign": {[]string{"import", "--format", "kafka", "--key", "x"}, "orders,0,5\n", `"x/orders/0": ` + lost},
	} {
		mem := memstore.New()
		for _, key := range []string{"a", "b", "c"} {
			if err := checkpoint.New(mem, nil).Set(t.Context(), key, checkpoint.Position{Commit: 5, Prepare: 5}); err != nil {
				t.Fatal(err)
			}
		}
		if c.stdin == "damage" {
			mem.Damage("c")
		}
		table := engine.Table{{
			Name: "Memory", Prefixes: []string{"memory:"},
			Open: func(context.Context, string, bool, *slog.Logger) (driver.Driver, error) { return losing{mem}, nil },
		}}
		var stderr strings.Builder
		args := append([]string{"--store", "memory:"}, c.args...)
		if code := cli.Run(t.Context(), table, args, strings.NewReader(c.stdin), new(strings.Builder), &stderr); code != 1 {
			t.Errorf("%s ended with exit code %d", name, code)
		}
		if !strings.HasSuffix(stderr.String(), "checkpoint: "+c.want+"\n") {
			t.Errorf("%s said %q, want %q", name, stderr.String(), c.want)
		}
	}
}

// TestExplainAClosedConnection: only a port of Redis may want rediss://.
func TestExplainAClosedConnection(t *testing.T) {
	const closed = " closed the connection without an answer; "
	for url, want := range map[string]string{
		"redis://h:1":    "use rediss:// for a port with TLS",
		"unix:///a":      "use rediss:// for a port with TLS",
		"postgres://h/d": "is this the port of the server? --store names another",
	} {
		table := slices.Clone(engine.Standard)
		for i := range table {
			table[i].Open = func(context.Context, string, bool, *slog.Logger) (driver.Driver, error) { return nil, io.EOF }
		}
		var stderr strings.Builder
		cli.Run(t.Context(), table, []string{"--store", url, "get", "k"}, strings.NewReader(""), new(strings.Builder), &stderr)
		if got := stderr.String(); got != "checkpoint: "+url+closed+want+"\n" {
			t.Errorf("it said %q, want %q", got, want)
		}
	}
}

// TestExplainNoAnswer: a file has no address.
func TestExplainNoAnswer(t *testing.T) {
	for url, want := range map[string]string{
		"etcd://h:1": "is this the address of a running server, and does it speak what the URL says? --timeout sets another limit",
		"sqlite:a":   "--timeout sets another limit",
	} {
		table := slices.Clone(engine.Standard)
		for i := range table {
			table[i].Open = func(ctx context.Context, _ string, _ bool, _ *slog.Logger) (driver.Driver, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}
		var stderr strings.Builder
		args := []string{"--store", url, "get", "k", "--timeout", "10ms"}
		cli.Run(t.Context(), table, args, strings.NewReader(""), new(strings.Builder), &stderr)
		if got := stderr.String(); got != "checkpoint: no answer from "+url+" within 10ms; "+want+"\n" {
			t.Errorf("it said %q, want %q", got, want)
		}
	}
}

// TestExplainAnInterruption: mcp ends with the bare error of its context.
func TestExplainAnInterruption(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cli.SignalError{Signal: syscall.SIGINT})
	in, held := io.Pipe()
	defer held.Close()
	var stderr strings.Builder
	code := cli.Run(ctx, engine.Standard, []string{"mcp"}, in, new(strings.Builder), &stderr)
	if got := stderr.String(); got != "checkpoint: interrupted\n" || code != 130 {
		t.Errorf("it said %q, and ended with exit code %d", got, code)
	}
}
