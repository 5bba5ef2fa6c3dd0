package redisstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

var (
	adoptedAt      = time.Date(2026, 1, 2, 3, 59, 5, 6_999_999, time.UTC)
	adoptedEntries = []driver.AuditEntry{
		{
			At: adoptedAt, Op: "rewind", By: driver.By{Actor: "ana", Reason: `a "why"`},
			Old: &driver.Position{Commit: 1, Prepare: 2}, New: &driver.Position{Prepare: 1<<64 - 1}, OldEpoch: 7, NewEpoch: 1<<64 - 1,
		},
		{At: adoptedAt.Add(-time.Hour), Op: "delete"},
	}
	adoptedSamples = []driver.Sample{
		{At: adoptedAt, Position: driver.Position{Commit: 5, Prepare: 5}},
		{At: adoptedAt.In(time.FixedZone("", 3600)).Add(-time.Hour), Position: driver.Position{Commit: 1, Prepare: 2}, Hourly: true},
	}
)

func adopt(t *testing.T, client redis.UniversalClient) error {
	t.Helper()
	d := must(redisstore.New(client, &redisstore.Options{Namespace: "prod:"}))
	defer d.Close()
	return d.Adopt(t.Context(), "orders", adoptedEntries, adoptedSamples)
}

func TestLayoutOfWhatIsAdopted(t *testing.T) {
	server := redistest.Start(t)
	if err := adopt(t, standalone(t, server)); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]struct {
		list []any
		age  time.Duration
	}{
		layoutAudit: {[]any{
			`{"at":1767326345006,"op":"rewind","actor":"ana","reason":"a \"why\"","old":"1@2","new":"0@18446744073709551615","oldEpoch":"7","newEpoch":"18446744073709551615"}`,
			`{"at":1767322745006,"op":"delete","actor":"","reason":"","old":"","new":"","oldEpoch":"0","newEpoch":"0"}`,
		}, driver.AuditAge},
		layoutSamples: {[]any{"20260102035905006 5", "20260102025905006h1@2"}, driver.SampleAge},
		layoutHours:   {[]any{"20260102025905006h1@2"}, driver.SampleAge},
	} {
		if got := server.Do("LRANGE", key, "0", "-1").([]any); !slices.Equal(got, want.list) {
			t.Errorf("the list at %s is %q, want %q", key, got, want.list)
		}
		if got := server.Do("PTTL", key).(int64); got > want.age.Milliseconds() || got < want.age.Milliseconds()-60_000 {
			t.Errorf("PTTL of %s is %d, want %v", key, got, want.age)
		}
	}
	wantKeys(t, server, layoutAudit, layoutSamples, layoutHours)
}

// TestAdoptWhereNoListIs: a foreign value holds up its own kind of list alone, and stays.
func TestAdoptWhereNoListIs(t *testing.T) {
	server := redistest.Start(t)
	for _, c := range []struct {
		foreign string
		plant   []string // besides
		left    []string
	}{
		{layoutAudit, nil, []string{layoutAudit, layoutSamples, layoutHours}},
		{layoutSamples, nil, []string{layoutAudit, layoutSamples}},
		{layoutHours, nil, []string{layoutAudit, layoutHours}},
		{layoutHours, []string{"LPUSH", layoutSamples, "20260102035905006 5"}, []string{layoutAudit, layoutSamples, layoutHours}},
	} {
		server.Do("FLUSHALL")
		server.Do("SET", c.foreign, "x")
		if c.plant != nil {
			server.Do(c.plant...)
		}
		if err := adopt(t, standalone(t, server)); err == nil || !strings.Contains(err.Error(), c.foreign+`" is no list`) {
			t.Errorf("Adopt is %v, want an error that says that %s is no list", err, c.foreign)
		}
		if got := server.Do("GET", c.foreign); got != "x" {
			t.Errorf("the value at %s is %v, and was x", c.foreign, got)
		}
		wantKeys(t, server, c.left...)
	}
}

// TestUserWhoMayNotAdopt: no list is there without its TTL.
func TestUserWhoMayNotAdopt(t *testing.T) {
	server := redistest.Start(t)
	for rule, left := range map[string][]string{
		"~* +@all -lpush":                   nil,
		"~* +@all -pexpire":                 nil,
		"~prod:checkpoint-audit:* +@all":    {layoutAudit},
		"~prod:checkpoint-samples:{* +@all": nil,
	} {
		server.Do("FLUSHALL")
		server.Do(append([]string{"ACL", "SETUSER", "user", "reset", "on", ">secret"}, strings.Fields(rule)...)...)
		if err := adopt(t, as(t, server, "user")); !isDenied(err) {
			t.Errorf("as a user with %q Adopt is %v, want a denial", rule, err)
		}
		wantKeys(t, server, left...)
	}
}

// TestServerThatAdoptsNothing: it is full, or a replica, which may also have a list that its
// master has lost.
func TestServerThatAdoptsNothing(t *testing.T) {
	server := redistest.Start(t)
	server.Do("CONFIG", "SET", "maxmemory", "1")
	if err := adopt(t, standalone(t, server)); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("Adopt on a full server is %v", err)
	}
	server.Do("CONFIG", "SET", "maxmemory", "0")
	wantKeys(t, server)
	if err := adopt(t, standalone(t, server)); err != nil {
		t.Fatal(err)
	}
	server.Do("REPLICAOF", "127.0.0.1", "1")
	if err := adopt(t, standalone(t, server)); err == nil || strings.Count(fmt.Sprint(err), "READONLY") != 2 {
		t.Errorf("Adopt on a replica that has the lists is %v, want two refusals", err)
	}
}

// TestAdoptOfNothing: a key that nobody has changed by hand has neither list.
func TestAdoptOfNothing(t *testing.T) {
	server := redistest.Start(t)
	for _, noShortcuts := range []bool{false, true} {
		d := must(redisstore.New(standalone(t, server), &redisstore.Options{Namespace: "prod:", NoShortcuts: noShortcuts}))
		defer d.Close()
		if err := d.Adopt(t.Context(), "orders", nil, nil); err != nil {
			t.Errorf("with NoShortcuts %v Adopt of two empty lists is %v", noShortcuts, err)
		}
	}
	wantKeys(t, server)
}

func TestAdoptOfWhatNoListHolds(t *testing.T) {
	server := redistest.Start(t)
	d := must(redisstore.New(standalone(t, server), &redisstore.Options{Namespace: "prod:"}))
	defer d.Close()
	if err := d.Adopt(t.Context(), "orders", []driver.AuditEntry{{Op: "set"}}, adoptedSamples); err == nil || !strings.Contains(err.Error(), "cannot be stored: field at is") {
		t.Errorf("Adopt of an entry of the year 1 is %v", err)
	}
	other := must(redisstore.New(standalone(t, server), &redisstore.Options{Prefix: "theirs:"}))
	defer other.Close()
	if err := other.Adopt(t.Context(), "orders", adoptedEntries, adoptedSamples); !errors.Is(err, driver.ErrUnsupported) {
		t.Errorf("Adopt for another program's key is %v, want ErrUnsupported", err)
	}
	wantKeys(t, server)
}
