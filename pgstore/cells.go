package pgstore

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// parts is a set of parts of a cell.
type parts uint8

const (
	checkpoints parts = 1 << iota
	fences            // with the leases
)

// A change is one change to what is stored for one key.
type change struct {
	key    string
	reads  parts
	decide decision
	usual  *driver.Write // if the usual statement can make the change
	end    ending
}

// A decision returns the cell after a change, and the audit entry of the change, or nil. It
// keeps the answer. It may run again.
type decision func(before cell.Cell, now time.Time) (after cell.Cell, e *driver.AuditEntry)

// An ending is the end of a change's transaction.
type ending struct {
	err     error
	unknown bool // whether it may have been committed despite err
}

// A step changes cells in one transaction: it locks and loads them, lets package cell
// decide, and stores the differences.
type step struct {
	sql       *statements
	namespace string
	changes   []*change

	now    time.Time
	cells  map[string]cell.Cell // of the keys that have any
	before map[string]cell.Cell
	locked map[string]parts // what has a row
	audit  auditLists
	torn   bool // whether another transaction has inserted a fence meanwhile
}

// load returns the statements that lock and read what the changes need. The clock comes
// last: no expiry and no lease may begin before the locks are held.
func (s *step) load() []*statement {
	s.cells = make(map[string]cell.Cell)
	s.locked = make(map[string]parts)
	var load []*statement
	if keys := s.keys(fences); len(keys) > 0 {
		load = append(load, &statement{sql: s.sql.lockFences, args: []any{s.namespace, listOf(keys)}, each: s.loadFence})
	}
	if keys := s.keys(checkpoints); len(keys) > 0 {
		load = append(load, &statement{sql: s.sql.lockCheckpoints, args: []any{s.namespace, listOf(keys)}, each: s.loadCheckpoint})
		if keys := s.keys(fences); len(keys) > 0 {
			load = append(load, &statement{sql: s.sql.countFences, args: []any{s.namespace, listOf(keys)}, each: s.compareFences})
		}
	}
	return append(load, &statement{sql: s.sql.clock, each: s.loadClock})
}

func (s *step) keys(p parts) []string {
	keys := make([]string, 0, len(s.changes))
	for _, c := range s.changes {
		if c.reads&p != 0 {
			keys = append(keys, c.key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (s *step) loadFence(scan func(...any) error) error {
	var r fenceRow
	if err := scan(r.fields()...); err != nil {
		return err
	}
	c := s.cells[r.key]
	c.Fence, c.Lease = r.fence(), r.lease()
	s.cells[r.key] = c
	s.locked[r.key] |= fences
	return nil
}

func (s *step) loadCheckpoint(scan func(...any) error) error {
	var r row
	if err := scan(r.fields()...); err != nil {
		return err
	}
	c := s.cells[r.key]
	c.Checkpoint, _ = r.decode()
	s.cells[r.key] = c
	s.locked[r.key] |= checkpoints
	return nil
}

// compareFences notices a fence that was not there to be locked, and is there now. Each
// statement sees what was committed before it began, so that the checkpoint may be of a
// write that came with the fence.
func (s *step) compareFences(scan func(...any) error) error {
	var there string
	if err := scan(&there); err != nil {
		return err
	}
	locked := 0
	for _, p := range s.locked {
		if p&fences != 0 {
			locked++
		}
	}
	s.torn = there != strconv.Itoa(locked)
	return nil
}

func (s *step) loadClock(scan func(...any) error) error {
	var now, version string
	if err := scan(&now, &version); err != nil {
		return err
	}
	v, err := strconv.Atoi(version)
	if err != nil {
		return err
	}
	if err := checkVersion(v); err != nil {
		return err
	}
	s.now, err = decodeNow(now)
	return err
}

func decodeNow(s string) (time.Time, error) {
	us, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("the server's time is %.80q: %w", s, err)
	}
	return time.UnixMicro(us).UTC(), nil
}

// decide makes the changes in their order, and returns the statements that store what is
// different afterwards.
func (s *step) decide() (store []*statement, inserted int64) {
	s.before = maps.Clone(s.cells)
	for _, c := range s.changes {
		before := s.cells[c.key]
		before.Key = c.key
		after, entry := c.decide(before, s.now)
		s.cells[c.key] = after
		if entry != nil {
			s.audit.add(c.key, entry)
		}
	}
	store, insertedFences := s.storeFences()
	checkpoints, insertedCheckpoints := s.storeCheckpoints()
	store = append(store, checkpoints...)
	store = append(store, s.audit.statements(s.sql, s.namespace)...)
	if notice := s.notice(); notice != nil {
		store = append(store, notice)
	}
	return store, insertedFences + insertedCheckpoints
}

func (s *step) changedKeys() []string { return slices.Sorted(maps.Keys(s.cells)) }

func (s *step) storeCheckpoints() (store []*statement, inserted int64) {
	var gone list
	var update, insert checkpointLists
	for _, key := range s.changedKeys() {
		before, after := s.before[key].Checkpoint, s.cells[key].Checkpoint
		there := s.locked[key]&checkpoints != 0
		switch {
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
	return store, inserted
}

func (s *step) storeFences() (store []*statement, inserted int64) {
	var gone list
	var update, insert fenceLists
	for _, key := range s.changedKeys() {
		before, after := s.before[key], s.cells[key]
		fence, lease := before.Fence != after.Fence, before.Lease != after.Lease
		switch {
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
			&statement{sql: s.sql.deleteAudit, args: []any{s.namespace, gone.text()}})
	}
	if update.key.Len() > 0 {
		store = append(store, &statement{sql: s.sql.updateFences, args: update.args(s.namespace)})
	}
	if inserted > 0 {
		store = append(store, &statement{sql: s.sql.insertFences, args: insert.args(s.namespace)})
	}
	return store, inserted
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
