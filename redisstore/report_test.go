package redisstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

const layoutReports = "prod:checkpoint-reports:{prod:checkpoint:orders}"

func reporter(t *testing.T, client redis.UniversalClient) *redisstore.Driver {
	t.Helper()
	d := must(redisstore.New(client, &redisstore.Options{Namespace: "prod:"}))
	t.Cleanup(func() { d.Close() })
	return d
}

// reports stores reports of one key, one after another.
func reports(t *testing.T, d *redisstore.Driver, list ...driver.Report) {
	t.Helper()
	for _, r := range list {
		r.Key = "orders"
		for _, result := range must(d.Report(t.Context(), []driver.Report{r})) {
			if result.Err != nil {
				t.Fatal(result.Err)
			}
		}
	}
}

func TestLayoutOfReports(t *testing.T) {
	server := redistest.Start(t)
	d := reporter(t, standalone(t, server))
	reports(t, d, driver.Report{Instance: "a", Text: "some text", TTL: time.Hour})
	at, rest, _ := strings.Cut(storedHash(server, layoutReports)["a"], " ")
	ends, text, _ := strings.Cut(rest, " ")
	if !isRecent(at) || len(ends) != len(at) || ends <= at || text != "some text" {
		t.Errorf("the report is %q", storedHash(server, layoutReports))
	}
	within := func(most time.Duration) {
		t.Helper()
		if ttl := server.Do("PTTL", layoutReports).(int64); ttl > most.Milliseconds()+1 || ttl < most.Milliseconds()-60_000 {
			t.Errorf("PTTL is %d, want that of the report that lasts longest", ttl)
		}
	}
	within(time.Hour)
	reports(t, d, driver.Report{Instance: "b", Text: "b", TTL: time.Minute})
	within(time.Hour)
	reports(t, d, driver.Report{Text: "notice"})
	if ttl := server.Do("PTTL", layoutReports).(int64); ttl != -1 {
		t.Errorf("PTTL beside a report that never ends is %d", ttl)
	}
	reports(t, d, driver.Report{}, driver.Report{Instance: "a"})
	within(time.Minute)
	wantKeys(t, server, layoutReports)
	reports(t, d, driver.Report{Instance: "b"})
	wantKeys(t, server)
}

// TestReportRemovesWhatHasEnded: the key would otherwise keep a field of each instance that
// there ever was.
func TestReportRemovesWhatHasEnded(t *testing.T) {
	server := redistest.Start(t)
	d := reporter(t, standalone(t, server))
	server.Do("HSET", layoutReports, "ended", "1 2 text", "nobody can read it", "x", "", "1 0 notice", "lasts", "1 9999999999999 text")
	reports(t, d, driver.Report{Instance: "a", Text: "text", TTL: time.Hour})
	got := storedHash(server, layoutReports)
	if delete(got, "a"); len(got) != 2 || got["lasts"] == "" || got[""] == "" {
		t.Errorf("beside the new report there are %q", got)
	}
}

// TestANoticeThatNobodyCanReadStays: it may be a pause.
func TestANoticeThatNobodyCanReadStays(t *testing.T) {
	server := redistest.Start(t)
	d := reporter(t, standalone(t, server))
	server.Do("HSET", layoutReports, "", "x")
	results := must(d.Report(t.Context(), []driver.Report{{Key: "orders", Instance: "a", Text: "text", TTL: time.Hour}}))
	if results[0].Err != nil || results[0].Notice != "x" || storedHash(server, layoutReports)[""] != "x" {
		t.Errorf("Report is %+v, and there is %q", results, storedHash(server, layoutReports))
	}
}

// TestReportsThatAreNone: Reports does not take them for an empty list. They hide no other
// report, and hold none up.
func TestReportsThatAreNone(t *testing.T) {
	server := redistest.Start(t)
	d := reporter(t, standalone(t, server))
	for _, plant := range [][]string{
		{"SET", layoutReports, "x"},
		{"HSET", layoutReports, "b", "x"},
		{"HSET", layoutReports, "b", "1 text"},
		{"HSET", layoutReports, "b", "1 x text"},
		{"HSET", layoutReports, "b", "x 1 text"},
	} {
		server.Do("FLUSHALL")
		server.Do(plant...)
		found, err := d.Reports(t.Context(), []string{"other", "orders"})
		if plant[0] == "SET" {
			if err == nil || !strings.Contains(err.Error(), layoutReports) {
				t.Errorf("after %q Reports is %v, %v, want an error that names the key", plant, found, err)
			}
		} else if err != nil || len(found[1]) != 1 || found[1][0].Instance != "b" || !strings.HasPrefix(found[1][0].Text, "damaged: ") {
			t.Errorf("after %q Reports is %v, %v, want a report that says it is damaged", plant, found, err)
		}
		reports(t, d, driver.Report{Instance: "a", Text: "text", TTL: time.Hour})
		if found := must(d.Reports(t.Context(), []string{"orders"}))[0]; len(found) == 0 || found[0].Instance != "a" {
			t.Errorf("after %q and a report, Reports is %v", plant, found)
		}
	}
}

func TestReportsOfAReplica(t *testing.T) {
	server := redistest.Start(t)
	d := reporter(t, standalone(t, server))
	server.Do("REPLICAOF", "127.0.0.1", "1")
	if found, err := d.Reports(t.Context(), []string{"orders"}); !errors.Is(err, redisstore.ErrReplica) {
		t.Errorf("Reports is %v, %v, want ErrReplica", found, err)
	}
	results, err := d.Report(t.Context(), []driver.Report{{Key: "orders", Instance: "a", Text: "text"}})
	if err != nil || results[0].Err == nil || !strings.Contains(results[0].Err.Error(), "READONLY") {
		t.Errorf("Report is %v, %v, want READONLY", results, err)
	}
}

// TestAnotherProgramsKeysGetNoReports: its layout has no place for them.
func TestAnotherProgramsKeysGetNoReports(t *testing.T) {
	server := redistest.Start(t)
	d := must(redisstore.New(standalone(t, server), &redisstore.Options{Prefix: "prod:checkpoint:"}))
	defer d.Close()
	_, err := d.Report(t.Context(), []driver.Report{{Key: "orders", Instance: "a", Text: "text"}})
	_, readErr := d.Reports(t.Context(), []string{"orders"})
	if !errors.Is(err, driver.ErrUnsupported) || !errors.Is(readErr, driver.ErrUnsupported) {
		t.Errorf("Report is %v, Reports is %v, want ErrUnsupported", err, readErr)
	}
	wantKeys(t, server)
}
