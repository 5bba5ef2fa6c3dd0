package redisstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.Historian = (*Driver)(nil)

var errNoAudit = fmt.Errorf("%w: redisstore: a driver with Options.Prefix keeps no audit entries", driver.ErrUnsupported)

// appendBy appends to args who makes a change, if anybody has said so.
func appendBy(args []any, by driver.By) []any {
	if by == (driver.By{}) {
		return args
	}
	return append(args, by.Op, by.Actor, by.Reason)
}

// History implements [driver.Historian].
func (d *Driver) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if !d.fenced {
		return nil, errNoAudit
	}
	if err := d.ready(ctx); err != nil || n < 1 {
		return nil, err
	}
	at := d.auditKey(key)
	lists, err := d.lists(ctx, min(n, driver.AuditEntries), at)
	if err != nil {
		return nil, err
	}
	var entries []driver.AuditEntry
	for _, text := range lists[0] {
		e, err := decodeEntry(text)
		if err != nil {
			return nil, driver.DamagedHistory("the audit entry %s at Redis key %q: %v", quote(text), at, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// encodeEntry writes e as audit.lua writes it.
func encodeEntry(e driver.AuditEntry) (string, error) {
	by := e.Clean()
	text, err := json.Marshal(struct {
		At       int64  `json:"at"`
		Op       string `json:"op"`
		Actor    string `json:"actor"`
		Reason   string `json:"reason"`
		Old      string `json:"old"`
		New      string `json:"new"`
		OldEpoch uint64 `json:"oldEpoch,string"`
		NewEpoch uint64 `json:"newEpoch,string"`
	}{e.At.UnixMilli(), e.Op, by.Actor, by.Reason, encodePosition(e.Old), encodePosition(e.New), e.OldEpoch, e.NewEpoch})
	return string(text), err
}

func encodePosition(p *driver.Position) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%d@%d", p.Commit, p.Prepare)
}

// decodeEntry reads what audit.lua has written.
func decodeEntry(text string) (driver.AuditEntry, error) {
	var stored struct {
		At, OldEpoch, NewEpoch json.Number
		Op, Actor, Reason      string
		Old, New               string
	}
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return driver.AuditEntry{}, err
	}
	var err error
	check := func(field, value string, ok bool) {
		if !ok && err == nil {
			err = fmt.Errorf("field %s is %s", field, quote(value))
		}
	}
	position := func(field, value string) *driver.Position {
		if value == "" {
			return nil
		}
		p, err := driver.ParsePosition(value)
		check(field, value, err == nil)
		return &p
	}
	epoch := func(field string, value json.Number) uint64 {
		n, ok := canonical(value.String())
		check(field, value.String(), ok)
		return n
	}
	at, ok := canonicalMilliseconds(stored.At.String())
	check("at", stored.At.String(), ok)
	e := driver.AuditEntry{
		At: at, Op: stored.Op,
		By:  driver.By{Actor: stored.Actor, Reason: stored.Reason}.Clean(), // nobody has cleaned the names in a lease
		Old: position("old", stored.Old), New: position("new", stored.New),
		OldEpoch: epoch("oldEpoch", stored.OldEpoch), NewEpoch: epoch("newEpoch", stored.NewEpoch),
	}
	return e, err
}
