package standstill

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestMonotonicClockStandsStill while the process is stopped, and the wall clock goes on.
func TestMonotonicClockStandsStill(t *testing.T) {
	if !Supported {
		t.Skip(ErrUnsupported)
	}
	path := filepath.Join(t.TempDir(), "clock")
	clock, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer clock.Close()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), envClock+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	if err := Stop(child.Process); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	time.Sleep(2 * time.Second)
	clock.Add(time.Since(stopped))
	if err := child.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	var wall, monotonic, stood time.Duration
	lines.Scan()
	if _, err := fmt.Sscan(lines.Text(), &wall, &monotonic, &stood); err != nil {
		t.Fatalf("the process says %q: %v", lines.Text(), err)
	}
	// The system may slew its wall clock a little meanwhile.
	if off := wall - monotonic - stood; off.Abs() > 100*time.Millisecond || stood < 2*time.Second {
		t.Errorf("the wall clock went on by %v, the monotonic clock by %v; want a difference of %v", wall, monotonic, stood)
	}
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}
