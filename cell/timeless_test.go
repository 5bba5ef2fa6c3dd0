package cell_test

import (
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Without a clock, a driver that trusts Timeless decides every write as with one.
func TestTimelessWritesNeedNoClock(t *testing.T) {
	timeless := 0
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
			for _, w := range writes() {
				c := cell.Cell(before)
				if !c.Timeless(&w) {
					continue
				}
				timeless++
				for _, at := range []time.Time{now.Add(-100 * time.Hour), now, now.Add(100 * time.Hour)} {
					if with, without := decide(c, w, at), decide(c, w, time.Time{}); with.audited || with != without {
						t.Fatalf("%s, %+v: at %v %+v, without a clock %+v", text, w, at, with, without)
					}
				}
			}
		}
	}
	if usual := new(cell.Cell); !usual.Timeless(&driver.Write{Mode: driver.IfNewer}) || timeless == 0 {
		t.Error("the usual write needs a clock")
	}
}

// writes are all kinds of writes.
func writes() (all []driver.Write) {
	for _, mode := range modes {
		for _, commit := range []uint64{1, 2, 3} {
			for _, epoch := range []uint64{0, 2} {
				for _, ttl := range []time.Duration{0, time.Second} {
					for _, by := range []*driver.By{nil, {Actor: "ann"}} {
						all = append(all, driver.Write{
							Mode: mode, TTL: ttl, By: by, SampleBefore: now.Add(time.Second),
							Mark: driver.Mark{Position: driver.Position{Commit: commit}, UpdatedAt: now, Epoch: epoch},
						})
					}
				}
			}
		}
	}
	return all
}

type decision struct {
	after   cell.Cell
	result  driver.Result
	audited bool // then the entry tells the time
	sample  driver.Sample
	kept    bool
}

func decide(c cell.Cell, w driver.Write, now time.Time) (d decision) {
	d.after, d.result = c.Write(w, now)
	d.audited = cell.WriteEntry(&c, &d.after, &w, d.result, now) != nil
	d.sample, d.kept = cell.WriteSample(&c, &w, d.result, now)
	return d
}
