package incidents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// program is the command with every engine.
var program string

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(envConsumers); ok {
		if err := beConsumers(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if url, ok := os.LookupEnv(envGetAll); ok {
		fmt.Fprintln(os.Stderr, beGetAll(url))
		os.Exit(1)
	}
	os.Exit(leaktest.Check(pgtest.Sharing(building{m}), etcdtest.Leftovers...).Run())
}

// building builds the command before the tests run.
type building struct{ tests leaktest.Tests }

func (b building) Run() int {
	folder, err := os.MkdirTemp("", "incidents")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	program = filepath.Join(folder, "checkpoint")
	build := exec.Command("go", "build", "-o", folder, "../../cmd/checkpoint/full/checkpoint")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return 1
	}
	return b.tests.Run()
}

var engines = map[string]func(*testing.T) string{
	"sqlite": func(t *testing.T) string {
		t.Helper()
		return "sqlite:" + filepath.Join(t.TempDir(), "checkpoints.db")
	},
	"redis": func(t *testing.T) string {
		t.Helper()
		return redistest.Start(t).URL()
	},
	"postgres": func(t *testing.T) string {
		t.Helper()
		return migrated(t, pgtest.Shared(t).NewDatabase())
	},
	"etcd": func(t *testing.T) string {
		t.Helper()
		return "etcd://" + strings.Join(etcdtest.Start(t, 1).Endpoints(), ",")
	},
}

func migrated(t *testing.T, url string) string {
	t.Helper()
	desk{T: t, store: url}.run("schema", "--apply")
	return url
}

// A desk is where an operator types commands.
type desk struct {
	*testing.T
	store string
	began time.Time
}

// run runs the command, which must work, and returns what it prints.
func (d desk) run(args ...string) string {
	d.Helper()
	code, out := d.try(args...)
	if code != 0 {
		d.Fatalf("checkpoint %s ended with exit code %d:\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

func (d desk) try(args ...string) (code int, output string) {
	d.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+d.store, "CHECKPOINT_ACTOR=ana@desk")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), out.String()
	}
	if err != nil {
		d.Fatal(err)
	}
	return 0, out.String()
}

// states are those that `status` prints, by key, and the lines of JSON.
func (d desk) states() (states, lines map[string]string, code int) {
	d.Helper()
	code, out := d.try("status", "--stale", "3s", "-o", "json")
	states, lines = make(map[string]string), make(map[string]string)
	for line := range strings.Lines(out) {
		var row struct{ Key, State string }
		if json.Unmarshal([]byte(line), &row) == nil {
			states[row.Key], lines[row.Key] = row.State, line
		}
	}
	return states, lines, code
}

// patience is how long a test waits for what must come. Status itself is right within ten
// seconds; a machine that is busy with other tests takes longer.
const patience = 2 * time.Minute

func (d desk) signal(cmd *exec.Cmd, s syscall.Signal) {
	d.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		d.Fatal(err)
	}
}

// becomes waits until the states are those.
func (d desk) becomes(want map[string]string) (lines map[string]string) {
	d.Helper()
	began := time.Now()
	for {
		states, lines, code := d.states()
		if maps.Equal(states, want) && code == 1 {
			d.Logf("status was right after %v", time.Since(began).Round(100*time.Millisecond))
			return lines
		}
		if time.Since(began) > patience {
			d.Fatalf("the states are %v, with exit code %d, want %v and 1; the rows are\n%v", states, code, want, lines)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func TestIncidents(t *testing.T) {
	for engine, store := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			d := desk{t, store(t), time.Now()}
			incident(d)
			pausedBeforeItStarts(d)
		})
	}
}

func incident(d desk) {
	d.start("well", "idle", "stuck", "slow", "paused")
	killed, stopped, ended := d.start("killed"), d.start("stopped"), d.start("ended")
	rewound := d.start("rewound")
	all := map[string]string{
		"well": "running", "idle": "idle", "stuck": "stuck", "slow": "slow", "paused": "running",
		"killed": "running", "stopped": "running", "ended": "running", "rewound": "running",
	}
	d.becomes(all)
	top := d.top()
	top.becomes(all)

	d.signal(killed, syscall.SIGKILL)
	d.signal(ended, syscall.SIGTERM)
	// A process that is stopped in the middle of a write keeps the lock of SQLite's file.
	for began := time.Now(); ; {
		d.signal(stopped, syscall.SIGSTOP)
		code, out := d.try("pause", "paused", "--reason", "full disk", "--timeout", "2s")
		if code == 0 {
			break
		}
		d.signal(stopped, syscall.SIGCONT)
		if time.Since(began) > patience {
			d.Fatalf("checkpoint pause ended with exit code %d:\n%s", code, out)
		}
	}
	d.run("rewind", "rewound", "1", "--reason", "prices were wrong")
	if err := rewound.Wait(); err != nil { // it is fenced
		d.Errorf("the consumer that was rewound: %v", err)
	}
	maps.Copy(all, map[string]string{"paused": "paused", "killed": "dead", "stopped": "dead", "ended": "stopped", "rewound": "rewound"})
	all["ended"] = "stale" // since nobody has written for three seconds
	lines := d.becomes(all)
	page := d.serve()
	d.pageBecomes(page, all)
	top.becomes(all)
	top.filters("dead", map[string]string{"killed": "dead", "stopped": "dead"}, all)
	top.filters("rew", map[string]string{"rewound": "rewound"}, all)

	for key, text := range map[string]string{
		"stuck":   `last error: mailbox full at smtp://me:xxxxx@host`,
		"paused":  `"why":"paused by ana@desk: full disk"`,
		"killed":  `the lease of \"killed@test\" ended`,
		"rewound": `by ana@desk: prices were wrong`,
		"slow":    `"owner":"slow@test"`,
	} {
		if !strings.Contains(lines[key], text) {
			d.Errorf("the row of %s has no %s:\n%s", key, text, lines[key])
		}
	}

	// The operator puts right what was moved, and lets the consumer go on.
	d.run("undo", "rewound", "--apply", "--reason", "it was the wrong key")
	d.start("rewound", "killed")
	d.run("resume", "paused")
	maps.Copy(all, map[string]string{"paused": "running", "killed": "running", "rewound": "running"})
	d.becomes(all)
	d.pageBecomes(page, all)
	top.becomes(all)
	if history := d.run("history", "rewound", "-o", "json"); strings.Count(history, "\n") != 2 {
		d.Errorf("want two entries, of the rewind and of the undo:\n%s", history)
	}
}

// pausedBeforeItStarts pauses a consumer before it first starts: nothing is stored for its key.
func pausedBeforeItStarts(d desk) {
	d.run("pause", "new", "--reason", "no schema yet")
	d.shows("new", `"state":"paused","why":"paused by ana@desk: no schema yet"`)
	d.start("new")
	d.shows("new", `"instance":"new@test"`)
	d.run("resume", "new")
	d.shows("new", `"state":"running"`)
}

// shows waits until `status KEY` prints a text.
func (d desk) shows(key, text string) {
	d.Helper()
	for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		out := d.run("status", key, "-o", "json")
		if strings.Contains(out, text) {
			return
		}
		if time.Since(began) > patience {
			d.Fatalf("status %s has no %s:\n%s", key, text, out)
		}
	}
}
