package heap

import (
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Check(m).Run()) }

func TestWatchSeesWhatIsHeld(t *testing.T) {
	const size = 64 << 20
	stop := Watch()
	held := make([]byte, size)
	grown, looks := stop()
	runtime.KeepAlive(held)
	if grown < size/2 || looks < 2 {
		t.Errorf("the heap grew by %d bytes in %d looks, want about %d", grown, looks, size)
	}
}

func TestOfKeys(t *testing.T) {
	const n = 100_000
	got := OfKeys(n, "prod:checkpoint:", strconv.Itoa)
	// Each key has a header of 16 bytes and about 20 of text.
	if got < 30*n || got > 200*n {
		t.Errorf("a set of %d keys takes %d bytes", n, got)
	}
}
