package top

import (
	"testing"
	"time"
)

// TestOneReadAtATime: a slow store is read once in each interval, and never twice at once.
func TestOneReadAtATime(t *testing.T) {
	sit(t, incident, func(p *person) {
		first, _ := p.calls.count("inspectAll")
		p.wait(20 * time.Second)
		if n, _ := p.calls.count("inspectAll"); n-first != 10 {
			p.Errorf("in 20 s it read the store %d times", n-first)
		}
		p.calls.mu.Lock()
		p.calls.delay = 9 * time.Second
		p.calls.mu.Unlock()
		p.wait(2 * time.Second)
		before, _ := p.calls.count("inspectAll")
		p.wait(8 * time.Second)
		p.see("OLD: last read 10s ago: the store has not answered since", "▸~billing")
		p.wait(82 * time.Second)
		if n, _ := p.calls.count("inspectAll"); n-before > 10 || p.calls.most != 1 {
			p.Errorf("in 90 s it read the slow store %d times, %d at once", n-before, p.calls.most)
		}
	})
}

// TestReadsOnlyWhatItShows: the history and the samples are those of the key that is shown.
func TestReadsOnlyWhatItShows(t *testing.T) {
	sit(t, incident, func(p *person) {
		_, before := p.calls.count("history") // of those that may have been rewound
		p.wait(10 * time.Second)
		if n, _ := p.calls.count("samples"); n != 0 {
			p.Errorf("the list reads samples")
		}
		p.press("enter")
		p.wait(10 * time.Second)
		_, samples := p.calls.count("samples")
		_, histories := p.calls.count("history")
		if len(samples) != 1 || !samples["billing"] || len(histories) != len(before)+1 || !histories["billing"] {
			p.Errorf("it read the samples of %v, and the history of %v", samples, histories)
		}
	})
}
