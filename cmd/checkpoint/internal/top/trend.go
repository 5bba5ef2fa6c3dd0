package top

import (
	"strings"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// trails are where the keys have gone of late.
type trails map[string]trail

// A trail is the pace of a key's position over the last reads, in positions a second.
type trail struct {
	at    uint64 // the commit position at the last read
	paces [mostPaces]float32
	n     int
}

const mostPaces = 40

// backwards stands for a key that went back.
const backwards = -1

// after returns the trails after another read, this many seconds after the one before.
func (t trails) after(rows []watch.Row, seconds float64) trails {
	next := make(trails, len(rows))
	for i := range rows {
		c := &rows[i].Cell.Checkpoint
		if !c.Exists || c.Err != nil {
			continue
		}
		trail, known := t[rows[i].Key]
		if known {
			trail.add(c.Position.Commit, seconds)
		}
		trail.at = c.Position.Commit
		next[rows[i].Key] = trail
	}
	return next
}

func (t *trail) add(to uint64, seconds float64) {
	pace := float32(backwards)
	if to >= t.at {
		pace = float32(float64(to-t.at) / max(seconds, 0.001))
	}
	if t.n == mostPaces {
		copy(t.paces[:], t.paces[1:])
		t.n--
	}
	t.paces[t.n] = pace
	t.n++
}

var bars = []rune("▁▂▃▄▅▆▇█")

// spark draws the last paces of a key. The highest bar is its own highest pace.
func (t trails) spark(key string, width int) string {
	trail := t[key]
	shown := trail.paces[max(0, trail.n-width):trail.n]
	var most float32
	for _, p := range shown {
		most = max(most, p)
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", width-len(shown)))
	for _, p := range shown {
		switch p {
		case backwards:
			b.WriteRune('↓')
		case 0:
			b.WriteRune('·')
		default:
			b.WriteRune(bars[min(len(bars)-1, int(p/most*float32(len(bars))))])
		}
	}
	return b.String()
}
