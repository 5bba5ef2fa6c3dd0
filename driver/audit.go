package driver

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// AuditEntries is how many audit entries an engine keeps for a key: the latest.
const AuditEntries = 256

// AuditAge is how long an engine keeps an audit entry at least, unless [AuditEntries]
// later ones follow, or [Fencer.ReleaseFences] forgets the key.
const AuditAge = 400 * 24 * time.Hour

// A By says who makes a change by hand, and why. The driver stores it, and decides
// nothing by it.
type By struct {
	// Actor is who makes the change: "ana@db1". It has at most 256 bytes. In the entry of a
	// take-over it names the new owner.
	Actor string `json:"actor,omitempty"`

	// Reason has at most 512 bytes. In the entry of a take-over it is "after" and the
	// former owner.
	Reason string `json:"reason,omitempty"`

	// Op names the larger operation that the change belongs to: "import". Empty: the
	// change stands for itself. It has at most 64 bytes.
	Op string `json:"-"`
}

// Clean returns by with texts that every engine can store. It cuts what is too long, and
// puts U+FFFD in place of control characters and of bytes that are not UTF-8.
func (by By) Clean() By {
	by.Actor, by.Reason, by.Op = clean(by.Actor, 256), clean(by.Reason, 512), clean(by.Op, 64)
	return by
}

func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

type byKey struct{}

// WithBy returns a context that says who makes its changes: by, as Clean returns it.
func WithBy(ctx context.Context, by By) context.Context {
	return context.WithValue(ctx, byKey{}, by.Clean())
}

// ByOf returns who makes the changes of ctx. It is the zero By if nobody has said.
func ByOf(ctx context.Context) By {
	by, _ := ctx.Value(byKey{}).(By)
	return by
}

// The values of [AuditEntry.Op], besides those of [By.Op].
const (
	AuditSet      = "set"
	AuditAdvance  = "advance" // an IfNewer with a By
	AuditTouch    = "touch"   // a Touch with a By
	AuditRewind   = "rewind"
	AuditDelete   = "delete"
	AuditFence    = "fence"     // RaiseFence to an epoch
	AuditRevoke   = "revoke"    // RaiseFence to at least zero
	AuditTakeOver = "take-over" // Acquire after another owner, which had not released its lease
	AuditRestore  = "restore"   // a key that is different after a store was restored from a copy
)

// An AuditEntry tells of one change by hand, or of one change of ownership. Package cell
// makes the entry of each change.
type AuditEntry struct {
	At time.Time `json:"at"` // by the engine's clock: UTC, whole milliseconds
	Op string    `json:"op"`
	By

	// Old and New are the positions before and after. Nil: there was no checkpoint, or it
	// was damaged.
	Old *Position `json:"old"`
	New *Position `json:"new"`

	// OldEpoch and NewEpoch are the key's fence before and after. Zero: there was none,
	// or it was damaged.
	OldEpoch uint64 `json:"oldEpoch,string"`
	NewEpoch uint64 `json:"newEpoch,string"`
}

// A Historian is a Driver that keeps an audit entry of each change by hand, and of each
// change of ownership. It stores the entry in the same atomic step as the change: an entry
// exists if and only if the change took effect.
type Historian interface {
	// History returns the last n audit entries of key, the latest first. A key may have
	// entries though its checkpoint is gone. It returns no entry and no error if the key
	// has none. If one of the n is damaged, the error is [ErrCorruptHistory].
	History(ctx context.Context, key string, n int) ([]AuditEntry, error)
}

// History calls d's own History. The error is [ErrUnsupported] if d is not a [Historian].
func History(ctx context.Context, d Driver, key string, n int) ([]AuditEntry, error) {
	h, ok := d.(Historian)
	if !ok {
		return nil, unsupported(d, "it keeps no audit entries")
	}
	entries, err := h.History(ctx, key, n)
	if err == nil && len(entries) > n {
		return nil, fmt.Errorf("the driver answered with %d audit entries, and %d were asked for", len(entries), n)
	}
	return entries, err
}
