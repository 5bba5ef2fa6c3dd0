package incidents

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// serve serves the page, and returns its address.
func (d desk) serve() (url string) {
	d.Helper()
	cmd := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--stale", "3s")
	cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+d.store)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		d.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // if it has ended, Wait says so
		if err := cmd.Wait(); err != nil {
			d.Errorf("serve: %v", err)
		}
	})
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if _, scanErr := fmt.Sscanf(line, "checkpoint: the page is at %s", &url); scanErr != nil {
		d.Fatalf("serve says %q, %v", line, err)
	}
	return url
}

// pageBecomes waits until the page at url says that the states are those.
func (d desk) pageBecomes(url string, want map[string]string) {
	d.Helper()
	var states map[string]string
	for began := time.Now(); time.Since(began) < patience; time.Sleep(200 * time.Millisecond) {
		if states = d.pageStates(url); maps.Equal(states, want) {
			d.Logf("the page was right after %v", time.Since(began).Round(100*time.Millisecond))
			return
		}
	}
	d.Fatalf("the page shows %v, want %v", states, want)
}

func (d desk) pageStates(url string) map[string]string {
	d.Helper()
	request, err := http.NewRequestWithContext(d.Context(), http.MethodGet, url+"api/status", nil)
	if err != nil {
		d.Fatal(err)
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		d.Fatal(err)
	}
	defer answer.Body.Close()
	states := make(map[string]string)
	for decoder := json.NewDecoder(answer.Body); ; {
		var row struct{ Key, State string }
		if decoder.Decode(&row) != nil {
			return states
		}
		states[row.Key] = row.State
	}
}
