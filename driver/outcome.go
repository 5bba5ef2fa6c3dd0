package driver

import "fmt"

// Outcome is what became of a Write.
type Outcome uint8

// The outcomes. Unknown and Failed come with an error. The others are answers, and come
// without one.
const (
	Unknown   Outcome = iota // the write may or may not have landed
	Failed                   // the write is known not to have landed
	Advanced                 // the position was stored
	Unchanged                // the position was there already, and the rest was refreshed; of Touch: the expiry
	Stale                    // a newer position is stored and stays
	Fenced                   // the write's epoch is below the fence; nothing changed
)

var outcomes = [...]string{
	Unknown: "unknown", Failed: "failed", Advanced: "advanced", Unchanged: "unchanged", Stale: "stale", Fenced: "fenced",
}

func (o Outcome) String() string {
	if int(o) < len(outcomes) {
		return outcomes[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// Landed reports whether the engine now holds what was written.
func (o Outcome) Landed() bool { return o == Advanced || o == Unchanged }
