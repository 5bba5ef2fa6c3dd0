package cell_test

import (
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// A driver that trusts Usual needs no clock, and keeps nothing besides the checkpoint.
func TestUsualWrites(t *testing.T) {
	usual := 0
	for _, checkpoint := range checkpoints {
		for _, fence := range fences {
			text := checkpoint + "|" + fence
			if checkpoint == "" || fence == "" {
				text = checkpoint + fence
			}
			if text == "" {
				text = "nothing"
			}
			before, err := parseCell(text)
			if err != nil {
				t.Fatal(err)
			}
			before.Checkpoint.UpdatedAt = now.Add(-time.Hour)
			for _, w := range writes() {
				c := cell.Cell(before)
				if !c.Usual(&w) {
					continue
				}
				usual++
				after, r := c.Write(w, time.Time{})
				for _, at := range []time.Time{now.Add(-100 * time.Hour), now, now.Add(100 * time.Hour)} {
					if same, answer := c.Write(w, at); same != after || answer != r {
						t.Fatalf("%s, %+v: at %v %v, %+v, without a clock %v, %+v", text, w, at, answer, same, r, after)
					}
					_, kept := cell.WriteSample(&c, &w, r, at)
					if kept || cell.WriteEntry(&c, &after, &w, r, at) != nil {
						t.Fatalf("%s, %+v: a sample or an audit entry is kept", text, w)
					}
				}
				if before.Fence != after.Fence || before.Lease != after.Lease || before.Checkpoint.Exists != after.Checkpoint.Exists {
					t.Fatalf("%s, %+v: it leaves %+v", text, w, after)
				}
			}
		}
	}
	if usual == 0 {
		t.Error("no write is usual")
	}
}

// writes are all kinds of writes.
func writes() (all []driver.Write) {
	for _, mode := range modes {
		for _, commit := range []uint64{1, 2, 3} {
			for _, epoch := range []uint64{0, 2} {
				for _, ttl := range []time.Duration{0, time.Second} {
					for _, by := range []*driver.By{nil, {Actor: "ann"}} {
						for _, sampleBefore := range []time.Time{{}, now.Add(-2 * time.Hour), now} {
							all = append(all, driver.Write{
								Mode: mode, TTL: ttl, By: by, SampleBefore: sampleBefore,
								Mark: driver.Mark{Position: driver.Position{Commit: commit}, UpdatedAt: now, Epoch: epoch},
							})
						}
					}
				}
			}
		}
	}
	return all
}
