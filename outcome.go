package checkpoint

import (
	"fmt"

	"github.com/checkpointstore/checkpoint/driver"
)

// Outcome is what became of one [Write].
type Outcome uint8

// The outcomes. Beside an [Unknown] or a [Failed] one, Apply returns an error.
const (
	Unknown   = Outcome(driver.Unknown)   // the engine failed, and the write may or may not have landed
	Failed    = Outcome(driver.Failed)    // the write is known not to have landed
	Advanced  = Outcome(driver.Advanced)  // the position was stored
	Unchanged = Outcome(driver.Unchanged) // it was there already; updatedAt, expiry and epoch were refreshed
	Stale     = Outcome(driver.Stale)     // a newer position is stored, and stays
	Fenced    = Outcome(driver.Fenced)    // the epoch is below the highest that the key has seen; nothing changed
)

func (o Outcome) String() string {
	switch o {
	case Unknown:
		return "unknown"
	case Failed:
		return "failed"
	case Advanced:
		return "advanced"
	case Unchanged:
		return "unchanged"
	case Stale:
		return "stale"
	case Fenced:
		return "fenced"
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// Landed reports whether the engine now holds what was written.
func (o Outcome) Landed() bool { return o == Advanced || o == Unchanged }
