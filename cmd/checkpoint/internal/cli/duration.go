package cli

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/duration"
)

// A durationFlag is a flag whose value may begin with days: "30d", "1d12h".
type durationFlag time.Duration

var _ pflag.Value = (*durationFlag)(nil)

func (d *durationFlag) Set(s string) error {
	parsed, err := duration.Parse(s)
	*d = durationFlag(parsed)
	return err
}

func (d *durationFlag) String() string {
	if *d == 0 {
		return "0" // which help does not show
	}
	return time.Duration(*d).String()
}

func (*durationFlag) Type() string { return "duration" }
