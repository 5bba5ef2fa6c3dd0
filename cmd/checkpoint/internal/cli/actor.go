package cli

import (
	"os"
	"os/user"

	"github.com/checkpointstore/checkpoint/driver"
)

const actorVariable = "CHECKPOINT_ACTOR"

// actor is who runs the command.
func actor() string {
	if name := os.Getenv(actorVariable); name != "" {
		return name
	}
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// by has the audit entries say who runs the command, and why.
func (a *app) by(op string) driver.By {
	reason := a.reason
	switch {
	case a.because != "" && reason != "":
		reason = a.because + ": " + reason
	case a.because != "":
		reason = a.because
	}
	return driver.By{Actor: actor(), Reason: reason, Op: op}
}
