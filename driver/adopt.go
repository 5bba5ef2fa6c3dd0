package driver

import "context"

// An Adopter is a [Historian] and a [Sampler] that takes over what another store has kept
// for a key, so that a copy of the key keeps its history.
type Adopter interface {
	// Adopt stores the audit entries of key if the key has none, and the samples if the key
	// has none. What the key has stays. Both lists are the latest first. There are at most
	// [AuditEntries] entries, and [SampleCount] + [HourlySampleCount] samples. The entries
	// are stored in one atomic step, and so are the samples. Adopt leaves no audit entry
	// itself, and changes nothing else.
	Adopt(ctx context.Context, key string, entries []AuditEntry, samples []Sample) error
}

// Adopt calls d's own Adopt. The error is [ErrUnsupported] if d is not an [Adopter].
func Adopt(ctx context.Context, d Driver, key string, entries []AuditEntry, samples []Sample) error {
	a, ok := d.(Adopter)
	if !ok {
		return unsupported(d, "it takes over no audit entries and no samples")
	}
	return a.Adopt(ctx, key, entries, samples)
}
