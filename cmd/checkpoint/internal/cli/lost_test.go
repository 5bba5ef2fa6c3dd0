package cli_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/cli"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// mute is an engine that makes every change to the key with the name of the field, and whose
// reply is then lost.
type mute struct {
	*memstore.Driver

	write, fence, remove, read, report string
	waits, refused                     bool // the reply does not come, or the error is of a connection; otherwise the connection breaks
	wrote                              *bool
}

func (m mute) lose(ctx context.Context) error {
	if m.waits {
		<-ctx.Done()
		return ctx.Err()
	}
	if m.refused {
		return errLost
	}
	return io.ErrUnexpectedEOF
}

func (m mute) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if *m.wrote && keys[0] == m.read {
		return nil, m.lose(ctx)
	}
	return m.Driver.Get(ctx, keys)
}

func (m mute) Write(ctx context.Context, batch []driver.Write) ([]driver.Result, error) {
	results, err := m.Driver.Write(ctx, batch)
	*m.wrote = true
	if err == nil && batch[0].Key == m.write {
		return nil, m.lose(ctx)
	}
	return results, err
}

func (m mute) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	n, err := m.Driver.RaiseFence(ctx, key, atLeast)
	if err == nil && key == m.fence {
		return 0, m.lose(ctx)
	}
	return n, err
}

func (m mute) Delete(ctx context.Context, keys []string) (int, error) {
	n, err := m.Driver.Delete(ctx, keys)
	if err == nil && (m.remove == "*" || keys[0] == m.remove) {
		return 0, m.lose(ctx)
	}
	return n, err
}

func (m mute) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	results, err := m.Driver.Report(ctx, reports)
	if err == nil && m.report != "" {
		return nil, m.lose(ctx)
	}
	return results, err
}

// TestLostReply: if the reply to a change is lost, no text says or counts that it was not made.
func TestLostReply(t *testing.T) {
	const lost = "unexpected EOF; "
	history := func(words string) string { return words + ": `checkpoint history KEY` says so" }
	const in = "memory:?cluster=true" // where a command goes out twice, and fails with the error of the first
	const unreached = "cannot reach Memory at 10.0.0.7:6379: connection refused; is the server running? --store names another"
	changed := history("the change may have been made")
	for args, c := range map[string]struct {
		mute
		want string
	}{
		"set b 9":                          {mute{write: "b"}, `set "b": ` + lost + changed},
		"set b 9 --timeout 50ms":           {mute{write: "b", waits: true}, "no answer from memory: within 50ms; --timeout sets another limit; " + changed},
		"advance b 9":                      {mute{write: "b"}, `setIfNewer "b": ` + lost + changed},
		"rewind b 1":                       {mute{write: "b"}, `rewind "b": ` + lost + history(`"b" may have been rewound`)},
		"set b 1 --fence":                  {mute{write: "b"}, `rewind "b": ` + lost + history(`"b" may have been rewound`)},
		"rewind * --start --apply":         {mute{write: "b"}, `at least 1 of 3 were rewound, then: rewind "b": ` + lost + history(`"b" may have been rewound`)},
		"touch b --ttl 1h":                 {mute{write: "b"}, `touch "b": ` + lost + "the change may have been made: `checkpoint get KEY` says so"},
		"fence b":                          {mute{fence: "b"}, `fence "b": ` + lost + changed},
		"lease revoke b --yes":             {mute{fence: "b"}, `revoke "b": ` + lost + changed},
		"pause b":                          {mute{report: "*"}, `pause "b": ` + lost + "the change may have been made: `checkpoint status KEY` says so"},
		"group drain g m":                  {mute{report: "*"}, `orderGroup "g": ` + lost + "the change may have been made: `checkpoint group describe GROUP` says so"},
		"clear * --yes":                    {mute{remove: "*"}, "no checkpoint is known to be removed: clear: unexpected EOF"},
		"clear * --yes --fence":            {mute{fence: "a"}, `nothing was removed: fence "a": ` + lost + history(`the fence of "a" may have been raised`)},
		"clear  * --yes --fence":           {mute{fence: "b"}, `nothing was removed, but at least 1 fence was raised: fence "b": ` + lost + history(`the fence of "b" may have been raised`)},
		"clear   * --yes --fence":          {mute{remove: "*"}, "3 fences were raised, and no checkpoint is known to be removed: clear: unexpected EOF"},
		"delete b":                         {mute{remove: "b"}, `delete "b": ` + lost + history(`"b" may have been removed`)},
		"delete a b c":                     {mute{remove: "b"}, `at least 1 checkpoint was removed, then: delete "b": ` + lost + history(`"b" may have been removed`)},
		"delete a b c --timeout 500ms":     {mute{remove: "b", waits: true}, "at least 1 checkpoint was removed, then: no answer from memory: within 500ms; --timeout sets another limit; " + history(`"b" may have been removed`)},
		"delete b --fence":                 {mute{fence: "b"}, `fence "b": ` + lost + history(`the fence of "b" may have been raised`)},
		"delete  b --fence":                {mute{remove: "b"}, `the fence of "b" was raised to 2, then: delete "b": ` + lost + history(`"b" may have been removed`)},
		"delete a b --fence":               {mute{remove: "b"}, `at least 1 checkpoint was removed, then: the fence of "b" was raised to 2, then: delete "b": ` + lost + history(`"b" may have been removed`)},
		"set a 9":                          {mute{read: "a"}, `the change was made, and reading it back failed: get "a": unexpected EOF`},
		"advance a 9":                      {mute{read: "a"}, `the change was made, and reading it back failed: get "a": unexpected EOF`},
		"advance a 2":                      {mute{read: "a"}, `a newer position is there, and reading it failed: get "a": unexpected EOF`},
		"touch a --ttl 1h":                 {mute{read: "a"}, `the change was made, and reading it back failed: get "a": unexpected EOF`},
		"import":                           {mute{write: "new"}, "line 1: of 1 writes 0 did not land and of 1 it cannot be told: unexpected EOF; the lines before it are done: go on with `checkpoint import --from-line 1`"},
		"rewind * 1 --apply":               {mute{write: "b", refused: true}, "1 of 3 were rewound, then: " + unreached},
		"rewind * 1 --apply --store " + in: {mute{write: "b", refused: true}, "at least 1 of 3 were rewound, then: " + unreached + "; " + history(`"b" may have been rewound`)},
	} {
		m := c.mute
		m.Driver, m.wrote = memstore.New(), new(bool)
		store := checkpoint.New(m.Driver, nil)
		for _, key := range []string{"a", "b", "c"} {
			lease, err := store.Acquire(t.Context(), key, "worker", 1e12)
			if err == nil {
				err = store.Set(t.Context(), key, checkpoint.Position{Commit: 5, Prepare: 5}, checkpoint.Epoch(lease.Epoch))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		table := engine.Table{{
			Name: "Memory", Prefixes: []string{"memory:"},
			Open: func(context.Context, string, bool, *slog.Logger) (driver.Driver, error) { return m, nil },
		}}
		var stdout, stderr strings.Builder
		all := append([]string{"--store", "memory:"}, strings.Fields(args)...)
		if code := cli.Run(t.Context(), table, all, strings.NewReader(`{"key":"new","commit":"1","prepare":"1"}`), &stdout, &stderr); code != 1 {
			t.Errorf("%s ended with exit code %d: %s", args, code, stderr.String())
		}
		if got := strings.TrimSpace(stderr.String()); !strings.HasSuffix(got, "checkpoint: "+c.want) {
			t.Errorf("%s said %q, want %q", args, got, c.want)
		}
		if got := stdout.String(); strings.Contains(got, "written") && !strings.Contains(got, "at least 0 written") {
			t.Errorf("%s counts: %s", args, got)
		}
	}
}
