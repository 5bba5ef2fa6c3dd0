package etcdstore

import (
	"errors"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

type entryJSON struct {
	At       stamp            `json:"at"`
	Op       string           `json:"op"`
	Actor    string           `json:"actor,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	Old      *driver.Position `json:"old,omitempty"` // nil: there was none, or it was damaged
	New      *driver.Position `json:"new,omitempty"`
	OldEpoch uint64           `json:"oldEpoch,omitempty,string"`
	NewEpoch uint64           `json:"newEpoch,omitempty,string"`
}

// encodeEntries encodes entries of one transaction, the latest last.
func encodeEntries(entries []driver.AuditEntry) []byte {
	stored := make([]entryJSON, len(entries))
	for i, e := range entries {
		stored[i] = entryJSON{stamp(e.At), e.Op, e.Actor, e.Reason, e.Old, e.New, e.OldEpoch, e.NewEpoch}
	}
	return encode(stored)
}

// decodeEntries returns the entries of one transaction, the latest first.
func decodeEntries(data []byte) ([]driver.AuditEntry, error) {
	var stored []entryJSON
	if err := decode(data, &stored); err != nil {
		return nil, err
	}
	if len(stored) == 0 {
		return nil, errors.New("it has no audit entry")
	}
	entries := make([]driver.AuditEntry, len(stored))
	for i, e := range stored {
		if e.At.IsZero() || e.Op == "" {
			return nil, errors.New("an audit entry has no time or no operation")
		}
		entries[i] = driver.AuditEntry{
			At: time.Time(e.At), Op: e.Op, By: driver.By{Actor: e.Actor, Reason: e.Reason},
			Old: e.Old, New: e.New, OldEpoch: e.OldEpoch, NewEpoch: e.NewEpoch,
		}
	}
	slices.Reverse(entries)
	return entries, nil
}
