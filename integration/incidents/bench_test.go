package incidents

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// BenchmarkStatus asks for the state of 10,000 consumers, each of which reports and holds a
// lease.
func BenchmarkStatus(b *testing.B) {
	for name, store := range map[string]func(b *testing.B) string{
		"sqlite": func(b *testing.B) string { b.Helper(); return "sqlite:" + filepath.Join(b.TempDir(), "checkpoints.db") },
		"redis":  func(b *testing.B) string { b.Helper(); return redistest.Start(b).URL() },
	} {
		b.Run(name, func(b *testing.B) {
			url := store(b)
			report(b, url, 10_000)
			for b.Loop() {
				cmd := exec.Command(program, "status")
				cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+url)
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v\n%.1000s", err, out)
				}
			}
		})
	}
}

// report leaves what n consumers leave that are at work.
func report(b *testing.B, url string, n int) {
	b.Helper()
	d, err := open(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	const page = 500
	for first := 0; first < n; first += page {
		leases := make([]checkpoint.Lease, page)
		writes := make([]checkpoint.Write, page)
		for i := range page {
			key := fmt.Sprintf("consumers/%d", first+i)
			leases[i] = checkpoint.Lease{Key: key, Owner: "app-1-19-p0w7d", TTL: time.Hour}
			writes[i] = checkpoint.Write{Key: key, IfNewer: true, Mark: checkpoint.Mark{Position: at(100), Epoch: 1}}
		}
		if _, err := store.AcquireMany(b.Context(), leases...); err != nil {
			b.Fatal(err)
		}
		if _, err := store.Apply(b.Context(), writes...); err != nil {
			b.Fatal(err)
		}
		for _, l := range leases {
			status := checkpoint.Status{
				Instance: l.Owner, Host: "app-1", PID: 19, State: checkpoint.StateRunning, Since: time.Now(), Now: time.Now(),
				Position: new(at(100)), Head: new(at(100)), Lag: new(uint64), LagTime: new(time.Duration),
			}
			if _, err := store.Report(b.Context(), l.Key, status, time.Hour); err != nil {
				b.Fatal(err)
			}
		}
	}
}
