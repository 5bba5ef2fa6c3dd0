package histories

import (
	"testing"

	"github.com/checkpointstore/checkpoint/memstore"
)

func TestMemstore(t *testing.T) {
	t.Parallel()
	first := chooseSeed(t)
	for i := range uint64(*rounds) {
		h := newHistory("memory")
		play(t, h, first+i, []engine{memstore.New()}, func() { h.operate(t, 3000) })
		hold(t, h)
	}
}
