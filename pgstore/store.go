package pgstore

import (
	"maps"
	"slices"
	"strconv"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

func (s *step) changedKeys() []string { return slices.Sorted(maps.Keys(s.cells)) }

func (s *step) storeCheckpoints() (store []*statement, inserted int64) {
	var gone, held list
	var update, insert checkpointLists
	for _, key := range s.changedKeys() {
		before, after := s.before[key].Checkpoint, s.cells[key].Checkpoint
		there := s.locked[key]&checkpoints != 0
		switch {
		case s.holdsCheckpoint(key):
			insert.add(key, driver.StoredCheckpoint{Mark: driver.Mark{UpdatedAt: s.now}}, false)
			held.add(key)
			inserted++
		case before == after:
		case !after.Exists:
			gone.add(key)
		case there:
			touched := before
			touched.ExpiresAt = after.ExpiresAt
			update.add(key, after, touched == after)
		default:
			insert.add(key, after, false)
			inserted++
		}
	}
	if gone.Len() > 0 {
		store = append(store, &statement{sql: s.sql.deleteCheckpoints, args: []any{s.namespace, gone.text()}})
	}
	if update.key.Len() > 0 {
		store = append(store, &statement{sql: s.sql.updateCheckpoints, args: update.args(s.namespace)})
	}
	if inserted > 0 {
		store = append(store, &statement{sql: s.sql.insertCheckpoints, args: insert.args(s.namespace)})
	}
	if held.Len() > 0 {
		store = append(store, &statement{sql: s.sql.deleteCheckpoints, args: []any{s.namespace, held.text()}})
	}
	return store, inserted
}

func (s *step) storeFences() (store []*statement, inserted int64) {
	var gone, held list
	var update, insert fenceLists
	for _, key := range s.changedKeys() {
		before, after := s.before[key], s.cells[key]
		fence, lease := before.Fence != after.Fence, before.Lease != after.Lease
		switch {
		case s.holdsFence(key):
			after.Fence.Epoch = 1
			insert.add(key, after, true, false)
			held.add(key)
			inserted++
		case !fence && !lease:
		case !after.Fence.Exists():
			gone.add(key)
		case s.locked[key]&fences != 0:
			update.add(key, after, fence, lease)
		default:
			insert.add(key, after, true, lease)
			inserted++
		}
	}
	if gone.Len() > 0 {
		store = append(store, &statement{sql: s.sql.deleteFences, args: []any{s.namespace, gone.text()}},
			&statement{sql: s.sql.deleteAudit, args: []any{s.namespace, gone.text()}},
			&statement{sql: s.sql.deleteSamples, args: []any{s.namespace, gone.text()}})
	}
	if update.key.Len() > 0 {
		store = append(store, &statement{sql: s.sql.updateFences, args: update.args(s.namespace)})
	}
	if inserted > 0 {
		store = append(store, &statement{sql: s.sql.insertFences, args: insert.args(s.namespace)})
	}
	if held.Len() > 0 {
		store = append(store, &statement{sql: s.sql.deleteFences, args: []any{s.namespace, held.text()}})
	}
	return store, inserted
}

// holdsFence reports whether the fence of key is missing, cannot be locked, and must stay
// missing, since an audit entry tells it, or since nobody else may store the first one. A
// fence that is inserted, and deleted in the same transaction, keeps others from inserting
// one.
func (s *step) holdsFence(key string) bool {
	missing := s.locked[key] == 0 && !s.cells[key].Fence.Exists()
	return missing && (s.adopted[key] || s.audited[key] && s.cells[key].Checkpoint.Exists)
}

// holdsCheckpoint is holdsFence for the checkpoint. The checkpoint must stay missing if the past
// of the key is adopted, or if its first fence is stored. Another transaction sees neither before
// the commit. If it found a checkpoint, it would store an audit entry that tells no fence.
func (s *step) holdsCheckpoint(key string) bool {
	missing := s.locked[key] == 0 && !s.cells[key].Checkpoint.Exists
	return missing && (s.adopted[key] || s.cells[key].Fence.Exists())
}

// checkpointLists are the parameters of a change to checkpoints.
type checkpointLists struct {
	key, commit, prepare, updatedAt, expiresAt, epoch, logID list
}

func (l *checkpointLists) add(key string, c driver.StoredCheckpoint, keepTime bool) {
	updatedAt := encodeTime(c.UpdatedAt)
	if keepTime {
		updatedAt = ""
	}
	l.key.add(key)
	l.commit.add(encodeNumber(c.Position.Commit))
	l.prepare.add(encodeNumber(c.Position.Prepare))
	l.updatedAt.addOptional(updatedAt)
	l.expiresAt.addOptional(encodeTime(c.ExpiresAt))
	l.epoch.add(encodeNumber(c.Epoch))
	l.logID.add(c.LogID)
}

func (l *checkpointLists) args(namespace string) []any {
	return []any{
		namespace, l.key.text(), l.commit.text(), l.prepare.text(), l.updatedAt.text(), l.expiresAt.text(), l.epoch.text(), l.logID.text(),
	}
}

// fenceLists are the parameters of a change to fences.
type fenceLists struct {
	key, epoch, raisedAt, owner, leaseEpoch, ttl, endsAt, lease list
}

// add leaves the columns of a part that does not change.
func (l *fenceLists) add(key string, c cell.Cell, fence, lease bool) {
	var epoch, raisedAt, owner, leaseEpoch, ttl, endsAt string
	if fence {
		epoch, raisedAt = encodeNumber(c.Fence.Epoch), encodeTime(c.Fence.RaisedAt)
	}
	if lease && c.Lease.Exists() {
		owner, leaseEpoch, endsAt = c.Lease.Owner, encodeNumber(c.Lease.Epoch), encodeTime(c.Lease.ExpiresAt)
		ttl = strconv.FormatInt(c.Lease.TTL.Milliseconds(), 10)
	}
	l.key.add(key)
	l.epoch.addOptional(epoch)
	l.raisedAt.addOptional(raisedAt)
	l.owner.addOptional(owner)
	l.leaseEpoch.addOptional(leaseEpoch)
	l.ttl.addOptional(ttl)
	l.endsAt.addOptional(endsAt)
	l.lease.add(strconv.FormatBool(lease))
}

func (l *fenceLists) args(namespace string) []any {
	return []any{
		namespace, l.key.text(), l.epoch.text(), l.raisedAt.text(), l.owner.text(), l.leaseEpoch.text(), l.ttl.text(), l.endsAt.text(), l.lease.text(),
	}
}
