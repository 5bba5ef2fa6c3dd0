package checkpoint

import "github.com/checkpointstore/checkpoint/driver"

// Outcome is what became of one [Write].
type Outcome = driver.Outcome

// The outcomes. If any outcome is [Unknown] or [Failed], Apply also returns an error.
const (
	Unknown   = driver.Unknown   // the engine failed, and the write may or may not have landed
	Failed    = driver.Failed    // the write is known not to have landed
	Advanced  = driver.Advanced  // the position was stored
	Unchanged = driver.Unchanged // it was there already, and the rest was refreshed; of Touch: the expiry
	Stale     = driver.Stale     // a newer position is stored, and stays
	Fenced    = driver.Fenced    // the epoch is below the highest that the key has seen; nothing changed
)
