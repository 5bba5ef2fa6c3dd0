package cli_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/internal/servertest"
)

const secret = "open-sesame-7"

// TestPasswordStaysSecret runs the command with a password in CHECKPOINT_STORE,
// in health and in trouble. The password is in no output, log or file, and not in the
// arguments of any process, which everybody on the machine can read.
func TestPasswordStaysSecret(t *testing.T) {
	server := redistest.Start(t, "requirepass "+secret)
	url := "redis://:" + secret + "@" + server.Addr() + "/0?namespace=test:"
	dir := t.TempDir()
	fails := func(url string, args ...string) {
		t.Helper()
		if out, err := runSecretly(t, url, args...); err == nil {
			t.Errorf("%s does not fail: %s", args, out)
		}
	}
	works := func(args ...string) {
		t.Helper()
		if out, err := runSecretly(t, url, args...); err != nil {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
	debug := []string{"--log-level", "debug"}
	works(append(debug, "set", "k", "1")...)
	works(append(debug, "export")...)
	works("demo", "--events", "2000", "--dir", dir)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		keepsSecret(t, path, string(content))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	fails(strings.Replace(url, ":"+secret, ":"+secret+"x", 1), "get", "k")
	fails(strings.Replace(url, ":"+secret, "nobody:"+secret, 1), append(debug, "export")...)
	fails(strings.Replace(url, "/0?", "/nonsense?", 1), "get", "k")
	fails(strings.Replace(url, "namespace=", "unknown=", 1), "get", "k")
	fails(strings.Replace(url, "redis:", "http:", 1), "get", "k")
	fails(strings.Replace(url, "/0?", "%zz/0?", 1), "get", "k")
	server.Kill()
	fails(url, append(debug, "get", "k")...)
	fails(url, append(debug, "export")...)
	fails(url, "demo", "--events", "2000")
	fails(url, "copy", "redis", "other.db", "--apply")
}

// runSecretly runs the command, and watches the arguments of all processes meanwhile.
func runSecretly(t *testing.T, url string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "checkpoint", args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+url, "GORACE=atexit_sleep_ms=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	servertest.DieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			keepsSecret(t, strings.Join(args, " "), out.String())
			return out.String(), err
		case <-time.After(5 * time.Millisecond):
			checkProcesses(t)
		}
	}
}

func checkProcesses(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	for _, file := range files {
		arguments, err := os.ReadFile(file)
		if err == nil { // else it has ended
			keepsSecret(t, file, string(arguments))
		}
	}
}

func keepsSecret(t *testing.T, where, text string) {
	t.Helper()
	if strings.Contains(text, secret) {
		t.Errorf("%s shows the password: %.500q", where, text)
	}
}
