package contention

import (
	"errors"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

var errAudit = errors.New("the audit entries do not tell who took over")

// audit holds the audit entries, the latest first, to what the instances have recorded.
func (e *evidence) audit(entries []checkpoint.AuditEntry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.read()
	told := map[uint64]bool{}
	for _, a := range entries {
		taker, former := e.byEpoch[a.NewEpoch], e.byEpoch[a.OldEpoch]
		if a.Op != driver.AuditTakeOver || told[a.NewEpoch] || taker != nil && taker.owner != a.Actor ||
			former != nil && "after "+former.owner != a.Reason {
			e.violated(errAudit, "%+v", a)
		}
		told[a.NewEpoch] = true
	}
	var from uint64 // what is older may be dropped
	if len(entries) == driver.AuditEntries {
		from = entries[len(entries)-1].NewEpoch
	}
	for _, t := range e.tenures {
		// An owner that ended by itself may have released its lease.
		former := e.byEpoch[t.epoch-1]
		if t.epoch > from && former != nil && former.ended == "" && former.owner != t.owner && !told[t.epoch] {
			e.violated(errAudit, "none of %s with epoch %d, who took over from %s", t.owner, t.epoch, former.owner)
		}
	}
}
