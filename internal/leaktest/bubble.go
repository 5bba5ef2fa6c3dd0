package leaktest

import (
	"runtime"
	"strings"
	"testing/synctest"
)

// InBubble waits until every other goroutine of the caller's synctest bubble is blocked,
// and returns how many the bubble has. runtime.NumGoroutine also counts those outside,
// which come and go.
func InBubble() (n int) {
	synctest.Wait() // also for the goroutine of the bubble itself, which is not in it at once
	stacks := make([]byte, 1<<20)
	all := string(stacks[:runtime.Stack(stacks, true)])
	state, _, _ := strings.Cut(all, "]:") // of the caller, which comes first
	_, bubble, _ := strings.Cut(state, ", synctest bubble ")
	for stack := range strings.SplitSeq(all, "\n\n") {
		header, _, _ := strings.Cut(stack, "\n")
		if strings.HasSuffix(header, ", synctest bubble "+bubble+"]:") {
			n++
		}
	}
	return n
}
