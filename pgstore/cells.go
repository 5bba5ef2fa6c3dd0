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
	usual  *driver.Write  // if the usual statement can make the change
	found  *driver.Record // of a change that only reads
	end    ending
}

// A decision returns the cell after a change, and what the change leaves. It keeps the
// answer. It may run again.
type decision func(before cell.Cell, now time.Time) (after cell.Cell, left trace)

// A trace is what a change leaves besides the cell. Nil: nothing.
type trace struct {
	entry  *driver.AuditEntry
	sample *driver.Sample
	past   *past
}

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

	now     time.Time
	cells   map[string]cell.Cell // of the keys that have any
	before  map[string]cell.Cell
	locked  map[string]parts // what has a row
	audit   auditLists
	samples samples

	pasts   []*past
	audited map[string]bool // the keys that get an audit entry
	adopted map[string]bool // the keys of pasts

	torn bool // whether another transaction has inserted a row meanwhile
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

// checkLoaded fails if no row came with the clock. A step that went on would decide in the
// year 1, and store expiries and ends of leases that have passed.
func (s *step) checkLoaded() error {
	if s.now.IsZero() {
		return errNoVersion(s.sql)
	}
	return nil
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
	s.before, s.audited, s.adopted = maps.Clone(s.cells), make(map[string]bool), make(map[string]bool)
	for _, c := range s.changes {
		before := s.cells[c.key]
		before.Key = c.key
		after, left := c.decide(before, s.now)
		s.cells[c.key] = after
		if left.entry != nil {
			s.audit.add(c.key, left.entry)
			s.audited[c.key] = true
		}
		if left.sample != nil {
			s.samples.add(c.key, *left.sample)
		}
		if left.past != nil {
			s.pasts = append(s.pasts, left.past)
			s.adopted[c.key] = true
		}
	}
	store, insertedFences := s.storeFences()
	checkpoints, insertedCheckpoints := s.storeCheckpoints()
	store = append(store, checkpoints...)
	for _, p := range s.pasts {
		store = append(store, p.statements(s.sql, s.namespace)...)
	}
	store = append(store, s.samples.statements(s.sql, s.namespace)...)
	store = append(store, s.audit.statements(s.sql, s.namespace)...)
	if notice := s.notice(); notice != nil {
		store = append(store, notice)
	}
	return store, insertedFences + insertedCheckpoints
}
