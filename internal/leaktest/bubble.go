package leaktest

import (
	"runtime"
	"strings"
)

// InBubble returns how many goroutines the caller's synctest bubble has.
// runtime.NumGoroutine also counts those outside, which come and go.
func InBubble() (n int) {
	stacks := make([]byte, 1<<20)
	all := string(stacks[:runtime.Stack(stacks, true)])
	state, _, _ := strings.Cut(all, "]:") // of the caller, which comes first
	_, bubble, ok := strings.Cut(state, ", synctest bubble ")
	if !ok {
		panic("leaktest: InBubble is called outside a synctest bubble")
	}
	for stack := range strings.SplitSeq(all, "\n\n") {
		header, _, _ := strings.Cut(stack, "\n")
		if strings.HasSuffix(header, ", synctest bubble "+bubble+"]:") {
			n++
		}
	}
	return n
}
