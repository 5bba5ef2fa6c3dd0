package duration_test

import (
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/duration"
)

func TestParse(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "0": 0, "90m": 90 * time.Minute, "1.5h": 90 * time.Minute,
		"-2d": -48 * time.Hour, "1d0s": 24 * time.Hour, "-1s": -time.Second, "106750d": 106750 * 24 * time.Hour,
	} {
		if got, err := duration.Parse(s); err != nil || got != want {
			t.Errorf("duration.Parse(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "1.5d", "1d1d", "1d-1h", "1d24h", "12h1d", "+1d", "1d 1h", "--1d", "106751d", "5000000000d", "30", "1dd"} {
		if got, err := duration.Parse(s); err == nil {
			t.Errorf("duration.Parse(%q) = %v, want an error", s, got)
		}
	}
}
