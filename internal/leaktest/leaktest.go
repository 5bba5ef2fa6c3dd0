// Package leaktest finds goroutines that the tests of a package leave behind.
package leaktest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Tests is the part of *testing.M that is needed here.
type Tests interface{ Run() int }

// Check returns tests that fail, after all have passed, if a goroutine is left:
//
//	func TestMain(m *testing.M) { os.Exit(leaktest.Check(m).Run()) }
//
// Check ignores goroutines whose stack contains any of the texts in except:
// other people's code leaves them behind, and nothing here can end them.
func Check(m Tests, except ...string) Tests { return checked{m, except} }

type checked struct {
	tests  Tests
	except []string
}

// patience is how long a goroutine may take to end after it was told to.
const patience = 10 * time.Second

func (c checked) Run() int {
	if code := c.tests.Run(); code != 0 {
		return code
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left := left(append(c.except, lasting...))
		if len(left) == 0 {
			return 0
		}
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "The tests have left %d goroutines:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
			return 1
		}
	}
}

// lasting are functions of goroutines that the runtime and the standard library
// never end.
var lasting = []string{"os/signal.signal_recv", "os/signal.loop", "runtime.ensureSigM", "runtime/pprof.profileWriter"}

// left returns the stacks of all goroutines, without this one and those in
// except.
func left(except []string) []string {
	stacks := make([]byte, 1<<20)
	all := strings.Split(strings.TrimSpace(string(stacks[:runtime.Stack(stacks, true)])), "\n\n")
	var others []string
	for _, stack := range all[1:] { // this one comes first
		if !containsAny(stack, except) {
			others = append(others, stack)
		}
	}
	return others
}

func containsAny(s string, substrings []string) bool {
	for _, sub := range substrings {
		if strings.Contains(s, sub) {
			return true
		}
	}
	return false
}
