package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A served page is that of a running command.
type served struct {
	*testing.T
	url   string
	store string
	said  *bufio.Reader // on stderr
	cmd   *exec.Cmd
}

// serve serves the page of a store with the checkpoint orders.
func serve(t *testing.T, args ...string) *served {
	t.Helper()
	s := &served{T: t, store: filepath.Join(t.TempDir(), "checkpoints.db")}
	s.run("set", "orders", "4711")
	s.cmd = exec.CommandContext(t.Context(), "checkpoint", append([]string{"--store", s.store, "serve", "--listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Env = append(os.Environ(), "CHECKPOINT_ACTOR=ana@desk")
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	s.said = bufio.NewReader(stderr)
	line, err := s.said.ReadString('\n')
	if _, scanErr := fmt.Sscanf(line, "checkpoint: the page is at %s", &s.url); scanErr != nil {
		t.Fatalf("it says %q, %v", line, err)
	}
	return s
}

func (s *served) run(args ...string) string {
	s.Helper()
	out, err := exec.CommandContext(s.Context(), "checkpoint", append([]string{"--store", s.store}, args...)...).CombinedOutput()
	if err != nil {
		s.Fatalf("%s: %v: %s", args, err, out)
	}
	return string(out)
}

// ask sends a GET, or the form if there is one, with a header.
func (s *served) ask(page string, form url.Values, name, header string) (code int, body string) {
	s.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+page, strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set(name, header)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// ends ends the command, which must be done at once.
func (s *served) ends() {
	s.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.Fatal(err)
	}
	rest, _ := io.ReadAll(s.said)
	if err := s.cmd.Wait(); err != nil || len(rest) > 0 {
		s.Errorf("it ended with %v, and said %q", err, rest)
	}
}

// TestServe looks at the page, and ends the command while a stream is open.
func TestServe(t *testing.T) {
	s := serve(t)
	if code, page := s.ask("", nil, "Accept", "*/*"); code != http.StatusOK || !strings.Contains(page, "4711") || strings.Contains(page, s.store) {
		t.Errorf("it answers %d, and the page is\n%s", code, page)
	}
	if code, _ := s.ask("change?do=rewind&key=orders", nil, "Accept", "*/*"); code != http.StatusNotFound {
		t.Errorf("without --write it answers %d", code)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	s.ends()
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Errorf("the stream was cut off: %v", err)
	}
}

// rewind is the form that takes orders to a position.
func rewind(position string) url.Values {
	return url.Values{
		"do": {"rewind"}, "key": {"orders"}, "to": {position}, "epoch": {"0"}, "typed": {"orders"}, "reason": {"INC-7"},
	}
}

// TestServeAsksForAToken makes a change with the token, in the name of who runs the command.
func TestServeAsksForAToken(t *testing.T) {
	const token = "0123456789abcdef0123"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--write", "--token-file", file)
	for header, want := range map[string]int{"": http.StatusUnauthorized, "Bearer " + token: http.StatusOK} {
		if code, _ := s.ask("", nil, "Authorization", header); code != want {
			t.Errorf("with %q it answers %d, want %d", header, code, want)
		}
		if code, body := s.ask("change", rewind("5"), "Authorization", header); code != want {
			t.Errorf("with %q it answers %d to a change, want %d: %s", header, code, want, body)
		}
	}
	if history := s.run("history", "orders"); !strings.Contains(history, "rewind\tana@desk") || strings.Count(history, "\n") != 2 {
		t.Errorf("the history is\n%s", history)
	}
	s.ends()
}

// TestServeTrustsAProxy makes a change in the name of whom the proxy names.
func TestServeTrustsAProxy(t *testing.T) {
	s := serve(t, "--write", "--trust-header", "X-User", "--trusted-proxy", "127.0.0.0/8,::1/128")
	if code, _ := s.ask("change", rewind("5"), "Accept", "*/*"); code != http.StatusForbidden {
		t.Errorf("without the header it answers %d", code)
	}
	if code, body := s.ask("change", rewind("5"), "X-User", "eva"); code != http.StatusOK {
		t.Errorf("it answers %d: %s", code, body)
	}
	if history := s.run("history", "orders"); !strings.Contains(history, "rewind\teva") {
		t.Errorf("the history is\n%s", history)
	}
	s.ends()
}
