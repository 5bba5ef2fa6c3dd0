package checkpoint

import (
	"fmt"

	"github.com/checkpointstore/checkpoint/driver"
)

// Outcome is what became of one [Write].
type Outcome uint8

const (
	// Unknown: the engine failed in such a way that the write may or may not
	// have landed. Apply returns an error beside it.
	Unknown = Outcome(driver.Unknown)
	// Failed: the write is known not to have landed. Apply returns an error
	// beside it.
	Failed = Outcome(driver.Failed)
	// Advanced: the position was stored.
	Advanced = Outcome(driver.Advanced)
	// Unchanged: the position was there already; updatedAt, expiry and epoch
	// were refreshed.
	Unchanged = Outcome(driver.Unchanged)
	// Stale: a newer position is stored, and stays.
	Stale = Outcome(driver.Stale)
	// Fenced: the write's epoch is below the highest that the key has seen.
	// Nothing changed.
	Fenced = Outcome(driver.Fenced)
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
