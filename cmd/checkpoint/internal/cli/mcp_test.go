package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// startMCP starts the command as an assistant does, on the store of url.
func startMCP(t *testing.T, url string, args ...string) *sdk.ClientSession {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "checkpoint", append([]string{"mcp"}, args...)...) // it ends in a cleanup
	cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+url, "GORACE=atexit_sleep_ms=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	servertest.DieWithParent(cmd)
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test"}, nil).Connect(t.Context(), &sdk.CommandTransport{Command: cmd}, nil)
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil || cmd.ProcessState.ExitCode() != 0 || stderr.Len() > 0 {
			t.Errorf("the command ends with %v, %v: %q", err, cmd.ProcessState, stderr.String())
		}
	})
	return session
}

// mcpCalls calls each tool.
var mcpCalls = map[string]map[string]any{"status": nil, "list": {"pattern": "*"}, "history": {"key": "orders"}, "doctor": nil}

// callMCP returns the text of an answer, and whether it is an error.
func callMCP(t *testing.T, session *sdk.ClientSession, tool string) (text string, failed bool) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: mcpCalls[tool]})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	whole, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	keepsSecret(t, tool, string(whole))
	return result.Content[0].(*sdk.TextContent).Text, result.IsError
}

func TestMCP(t *testing.T) {
	server := redistest.Start(t, "requirepass "+secret)
	redis := "redis://:" + secret + "@" + server.Addr() + "/0?namespace=test:"
	for name, url := range map[string]string{"SQLite": filepath.Join(t.TempDir(), "checkpoints.db"), "Redis": redis} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "checkpoint", "set", "orders", "7", "--reason", "INC-7")
			cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+url)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			session := startMCP(t, url)
			for tool, want := range map[string]string{
				"status": `"key":"orders","state":"silent"`, "list": `"key":"orders","commit":"7"`, "history": `"reason":"INC-7"`,
				"doctor": `"check":"checkpoints","level":"OK","text":"1 checkpoint, none is damaged"`,
			} {
				if text, failed := callMCP(t, session, tool); failed || !strings.Contains(text, want) {
					t.Errorf("%s answers %t %s, want %s", tool, failed, text, want)
				}
			}
		})
	}
}

// TestMCPWithoutAStore: no tool answers as if the store were empty. A later call finds the
// store that has come back.
func TestMCPWithoutAStore(t *testing.T) {
	server := redistest.Start(t, "requirepass "+secret)
	redis := "redis://:" + secret + "@" + server.Addr() + "/0?namespace=test:"
	ofRedis := startMCP(t, redis)
	server.Kill()
	path := filepath.Join(t.TempDir(), "none.db")
	ofFile := startMCP(t, path)
	for _, test := range []struct {
		session      *sdk.ClientSession
		fact, remedy string
	}{
		{ofRedis, "cannot reach Redis at " + server.Addr(), "--store names another"},
		{ofFile, "there is no store at " + path, "--store names another"},
	} {
		for tool := range mcpCalls {
			text, failed := callMCP(t, test.session, tool)
			if tool == "doctor" { // whose answer is the failure
				failed = strings.HasPrefix(text, `{"rows":[{"check":"store","level":"FAIL"`)
			}
			if !failed || !strings.Contains(text, test.fact) || !strings.Contains(text, test.remedy) {
				t.Errorf("%s answers %t %q, want the error %q", tool, failed, text, test.fact)
			}
		}
	}
	server.Restart()
	run(t, "set", "orders", "7", "--store", path)
	for tool := range mcpCalls {
		for _, session := range []*sdk.ClientSession{ofRedis, ofFile} {
			if text, failed := callMCP(t, session, tool); failed {
				t.Errorf("%s fails: %s", tool, text)
			}
		}
	}
}

// TestMCPCallsAtOnce: an assistant may call several tools at the same time. If the calls
// share what they must not, the race detector reports on stderr.
func TestMCPCallsAtOnce(t *testing.T) {
	server := redistest.Start(t)
	run(t, "set", "orders", "7", "--store", server.URL())
	session := startMCP(t, server.URL())
	var calls sync.WaitGroup
	for range 5 {
		for tool := range mcpCalls {
			calls.Go(func() {
				result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: mcpCalls[tool]})
				if err != nil || result.IsError {
					t.Errorf("%s answers %+v, %v", tool, result, err)
				}
			})
		}
	}
	calls.Wait()
}

// TestMCPGivesUp asks a server that never answers.
func TestMCPGivesUp(t *testing.T) {
	server := redistest.Start(t)
	session := startMCP(t, server.URL(), "--timeout", "1s")
	server.Pause()
	defer server.Resume()
	for tool := range mcpCalls {
		text, failed := callMCP(t, session, tool)
		if !strings.Contains(text, "no answer from "+server.URL()+" within 1s") || failed == (tool == "doctor") {
			t.Errorf("%s answers %t %q", tool, failed, text)
		}
	}
}

// TestMCPEndsOnASignal: the process ends though its stdin stays open.
func TestMCPEndsOnASignal(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "checkpoint", "mcp", "--store", "none.db")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdin.Write([]byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil { // it serves
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 143 {
		t.Errorf("it ended with %v, want exit code 143", err)
	}
}
