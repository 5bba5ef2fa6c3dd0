package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestServe looks at the page of a running command, and ends it while a stream is open.
func TestServe(t *testing.T) {
	store := filepath.Join(t.TempDir(), "checkpoints.db")
	if out, err := exec.CommandContext(t.Context(), "checkpoint", "--store", store, "set", "orders", "4711").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), "checkpoint", "--store", store, "serve", "--listen", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(stderr)
	line, err := said.ReadString('\n')
	var url string
	if _, scanErr := fmt.Sscanf(line, "checkpoint: the page is at %s", &url); scanErr != nil {
		t.Fatalf("it says %q, %v", line, err)
	}
	page := see(t, url)
	if !strings.Contains(page, "4711") || strings.Contains(page, "checkpoints.db") {
		t.Errorf("the page is\n%s", page)
	}
	stream, err := http.Get(url + "events") //nolint:noctx // the end of the command ends it
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Errorf("the stream was cut off: %v", err)
	}
	rest, _ := io.ReadAll(said)
	if err := cmd.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("it ended with %v, and said %q", err, rest)
	}
	http.DefaultClient.CloseIdleConnections()
}

func see(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url) //nolint:noctx // the end of the command ends it
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %d %s, %v", url, answer.StatusCode, body, err)
	}
	return string(body)
}
