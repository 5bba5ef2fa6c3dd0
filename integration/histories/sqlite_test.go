package histories

import (
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
)

// TestSQLite lets three processes share a file, and kills them while they write.
func TestSQLite(t *testing.T) {
	t.Parallel()
	const kills = 5
	first := chooseSeed(t)
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	var processes []*remote
	var engines []engine
	for range 3 {
		r := startRemote(t, path)
		processes = append(processes, r)
		engines = append(engines, r)
	}
	for i := range uint64(*rounds) {
		random := rand.New(rand.NewPCG(first+i, 0))
		h := newHistory("sqlite" + strconv.FormatUint(i, 10))
		play(t, h, first+i, engines, func() {
			for range kills {
				h.operate(t, 100+random.IntN(100))
				r := processes[random.IntN(len(processes))]
				r.kill()
				if err := r.start(); err != nil {
					t.Fatal(err)
				}
			}
		})
		hold(t, h)
		if h.counts["unknown"] == 0 {
			t.Error("no process was killed in the middle of a write")
		}
	}
}
