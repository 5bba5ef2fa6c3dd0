package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// history checks the times of the entries.
func (c *client) history(key string, n int) []driver.AuditEntry {
	c.Helper()
	entries, err := driver.History(c.ctx, c.driver, key, n)
	if err != nil {
		c.Fatalf("History of %q: %v", key, err)
	}
	for i, e := range entries {
		if e.At.IsZero() || e.At.Location() != time.UTC || !e.At.Equal(e.At.Truncate(time.Millisecond)) {
			c.Fatalf("History of %q: the time of an entry is %v, want UTC and whole milliseconds", key, e.At)
		}
		if i > 0 && entries[i-1].At.Before(e.At) {
			c.Fatalf("History of %q: an entry of %v follows one of %v, want the latest first", key, e.At, entries[i-1].At)
		}
	}
	return entries
}

// tells checks all entries of key, the latest first.
func (c *client) tells(key string, want ...string) {
	c.Helper()
	var got []string
	for _, e := range c.history(key, driver.AuditEntries) {
		got = append(got, tell(e))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		c.Fatalf("History of %q:\n%s\nwant:\n%s", key, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func tell(e driver.AuditEntry) string {
	at := func(p *driver.Position) string {
		if p == nil {
			return "none"
		}
		return position(*p)
	}
	return fmt.Sprintf("%s by %s (%s): %s -> %s, epoch %d -> %d", e.Op, e.Actor, e.Reason, at(e.Old), at(e.New), e.OldEpoch, e.NewEpoch)
}
