package text_test

import (
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
)

func TestAges(t *testing.T) {
	now := time.Now()
	for d, want := range map[time.Duration]string{
		0: "just now", 999 * time.Millisecond: "just now", time.Second: "1s ago", 59 * time.Second: "59s ago",
		time.Minute: "1m ago", 60 * time.Minute: "1h ago", 47 * time.Hour: "47h ago", 48 * time.Hour: "2d ago",
		364 * 24 * time.Hour: "364d ago", 800 * 24 * time.Hour: "2y ago",
		-time.Second: "just now", -5 * time.Minute: "in 5m", // clocks differ
	} {
		if got := text.Ago(now, now.Add(-d)); got != want {
			t.Errorf("Ago of %v = %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "now", 5 * time.Minute: "in 5m", 30 * time.Hour: "in 30h"} {
		if got := text.Ahead(now, now.Add(d)); got != want {
			t.Errorf("Ahead of %v = %q, want %q", d, got, want)
		}
	}
	if text.Ago(now, time.Time{}) != "-" || text.Ahead(now, time.Time{}) != "never" {
		t.Error("the zero time has an age")
	}
}
