package pgstore_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// An update that is HOT touches no index, and leaves nothing for VACUUM to remove from
// one.
func TestUpdatesAreHOT(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	store := checkpoint.New(d, nil)
	for i := range uint64(50) {
		for key, options := range map[string][]checkpoint.WriteOption{
			"plain": nil, "fenced": {checkpoint.Epoch(1 + i/10)}, "expires": {checkpoint.TTL(time.Hour)}, "log": {checkpoint.LogID(strconv.Itoa(int(i)))},
		} {
			if _, err := store.SetIfNewer(t.Context(), key, checkpoint.Position{Commit: i}, options...); err != nil {
				t.Fatal(err)
			}
		}
		lease(t, d, "leased")
	}
	d.Close() // sends what its sessions have counted
	server := pgtest.Shared(t)
	var got string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		got = server.SQLAt(url, "SELECT sum(n_tup_upd) >= 240, sum(n_tup_hot_upd) >= 0.95 * sum(n_tup_upd) FROM pg_stat_user_tables")
		if got == "t|t" {
			return
		}
	}
	t.Errorf("%s\n%s", got, server.SQLAt(url, "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"))
}

// Whatever a hand has left in a row is damage. It is never a missing checkpoint, and
// never another position.
func TestEditsByHandAreDamage(t *testing.T) {
	url := newDatabase(t)
	execute(t, url, withoutChecks("checkpoint"))
	d := open(t, url, nil)
	for i, set := range []string{
		"commit_position = NULL", "prepare_position = NULL", "updated_at = NULL", "epoch = NULL", "log_id = NULL",
		"commit_position = -1", "prepare_position = 'NaN'", "commit_position = 18446744073709551616", "epoch = -1",
		"updated_at = 'infinity'", "updated_at = '0044-03-15 BC'", "updated_at = '10000-01-01'",
		"expires_at = 'infinity'", "expires_at = '-infinity'", "expires_at = '0044-03-15 BC'",
	} {
		key := fmt.Sprintf("key %d", i)
		put(t, d, key, 5)
		execute(t, url, fmt.Sprintf("UPDATE checkpoint.checkpoints SET %s WHERE key = '%s'", set, key))
		r, err := d.Get(t.Context(), []string{key})
		if err != nil || !errors.Is(r[0].Err, driver.ErrCorruptCheckpoint) {
			t.Errorf("%s: %v, %+v", set, err, r)
		}
		if got := keysOf(t, d); got != key {
			t.Errorf("%s: the keys are %q", set, got)
		}
		if n, err := d.Delete(t.Context(), []string{key}); n != 1 || err != nil {
			t.Errorf("%s: Delete: %d, %v", set, n, err)
		}
	}
	for _, set := range []string{
		"lease_owner = NULL", "lease_owner = ''", "lease_epoch = NULL", "lease_epoch = 0", "lease_ttl_ms = NULL", "lease_ttl_ms = -1",
		"lease_ttl_ms = 9223372036854775807", "lease_expires_at = NULL", "lease_expires_at = 'infinity'",
	} {
		if _, err := d.RaiseFence(t.Context(), "leased", 1); err != nil {
			t.Fatal(err)
		}
		lease(t, d, "leased")
		execute(t, url, "UPDATE checkpoint.checkpoint_fences SET "+set)
		cells, err := d.Inspect(t.Context(), []string{"leased"})
		if err != nil || !errors.Is(cells[0].Lease.Err, driver.ErrCorruptLease) || cells[0].Fence.Err != nil {
			t.Errorf("%s: %v, %+v", set, err, cells)
		}
	}
	for _, set := range []string{"epoch = NULL", "epoch = 0", "epoch = 'NaN'"} {
		execute(t, url, "UPDATE checkpoint.checkpoint_fences SET "+set)
		cells, err := d.Inspect(t.Context(), []string{"leased"})
		if err != nil || !errors.Is(cells[0].Fence.Err, driver.ErrCorruptFence) {
			t.Errorf("%s: %v, %+v", set, err, cells)
		}
	}
}

// The constraints refuse such edits.
func TestConstraintsRefuseEdits(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	put(t, d, "k", 5)
	lease(t, d, "k")
	for table, sets := range map[string][]string{
		"checkpoints": {
			"commit_position = -1", "commit_position = 'NaN'", "prepare_position = 18446744073709551616", "updated_at = 'infinity'",
			"updated_at = '0044-03-15 BC'", "expires_at = 'infinity'", "epoch = -1", "log_id = NULL",
		},
		"checkpoint_fences": {
			"epoch = 0", "epoch = NULL", "lease_owner = NULL", "lease_owner = ''", "lease_epoch = 0", "lease_ttl_ms = -1", "lease_expires_at = 'infinity'",
		},
	} {
		for _, set := range sets {
			if _, err := newPool(t, url).Exec(t.Context(), "UPDATE checkpoint."+table+" SET "+set); err == nil {
				t.Errorf("%s: %s is accepted", table, set)
			}
		}
	}
}

// Rows whose checkpoint has expired are removed, and no other row is.
func TestExpiredCheckpointsAreRemoved(t *testing.T) {
	url := newDatabase(t)
	execute(t, url, `INSERT INTO checkpoint.checkpoints
		SELECT namespace, key || n, 1, 1, now(), ends FROM generate_series(1, 1000) n,
		(VALUES ('n', 'expired', now() - interval '1 hour'), ('n', 'later', now() + interval '1 hour'), ('n', 'never', NULL),
			('other', 'expired', now() - interval '1 hour')) AS v (namespace, key, ends)`)
	put(t, open(t, url, &pgstore.Options{Namespace: "n"}), "k", 1)
	becomes(t, url, "SELECT namespace, count(*) FROM checkpoint.checkpoints GROUP BY 1 ORDER BY 1", "n|2001\nother|1000")
}

// Audit entries that are past their age are removed, and no other entry is.
func TestAgedAuditEntriesAreRemoved(t *testing.T) {
	url := newDatabase(t)
	execute(t, url, `INSERT INTO checkpoint.checkpoint_audit (namespace, key, at, op, actor, reason, old_epoch, new_epoch)
		SELECT namespace, 'k', at, 'set', '', '', 0, 0 FROM generate_series(1, 300),
		(VALUES ('n', now() - interval '400 days 1 hour'), ('n', now() - interval '399 days 23 hours'),
			('other', now() - interval '400 days 1 hour')) AS v (namespace, at)`)
	put(t, open(t, url, &pgstore.Options{Namespace: "n"}), "k", 1)
	becomes(t, url, "SELECT namespace, count(*) FROM checkpoint.checkpoint_audit WHERE key = 'k' GROUP BY 1 ORDER BY 1", "n|300\nother|300")
}

// Reports that have ended are removed, and so are samples that are past their age.
func TestEndedReportsAndAgedSamplesAreRemoved(t *testing.T) {
	url := newDatabase(t)
	execute(t, url, `INSERT INTO checkpoint.checkpoint_reports SELECT namespace, 'k', 'a', now(), ends, 'text' FROM
		(VALUES ('n', now() - interval '1 second'), ('other', now() - interval '1 second')) AS v (namespace, ends)`,
		"INSERT INTO checkpoint.checkpoint_reports VALUES ('n', 'k', 'b', now(), now() + interval '1 hour', 'text'), ('n', 'k', '', now(), NULL, 'text')",
		`INSERT INTO checkpoint.checkpoint_samples SELECT 'n', key || k, at - n * interval '1 minute', 1, 1, false FROM generate_series(1, 900) n,
		generate_series(1, 8) k, (VALUES ('old', now() - interval '30 days'), ('young', now() - interval '29 days')) AS v (key, at)`)
	d := open(t, url, &pgstore.Options{Namespace: "n"})
	put(t, d, "k", 1)
	becomes(t, url, "SELECT namespace, instance FROM checkpoint.checkpoint_reports ORDER BY 1, 2", "n|\nn|b\nother|a")
	becomes(t, url, "SELECT left(key, 1), count(*) FROM checkpoint.checkpoint_samples GROUP BY 1", "y|7200")
}

// A consumer that writes all the time keeps about a thousand rows of samples.
func TestSamplesAreBounded(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	now := time.Now().UTC().Truncate(time.Hour)
	execute(t, url, `INSERT INTO checkpoint.checkpoint_samples
		SELECT '', 'order-processor-1', date_trunc('hour', now()) - n * interval '5 minutes', 2^40 - n * 2^20, 2^40 - n * 2^20, n % 12 = 1
		FROM generate_series(1, 31 * 288) n`)
	for i := range uint64(200) {
		w := ifNewer("order-processor-1", 1<<50+i)
		w.UpdatedAt = now.Add(time.Duration(i) * 5 * time.Minute) //nolint:gosec // small
		w.SampleBefore = w.UpdatedAt
		if r := write(t.Context(), d, w); r.Outcome != driver.Advanced {
			t.Fatal(r)
		}
	}
	const want = driver.SampleCount + driver.HourlySampleCount - driver.SampleCount/12
	if samples, err := d.Samples(t.Context(), "order-processor-1"); err != nil || len(samples) != want {
		t.Errorf("%d samples, %v; want %d", len(samples), err, want)
	}
	if rows := pgtest.Shared(t).SQLAt(url, "SELECT count(*) > 1200 FROM checkpoint.checkpoint_samples"); rows != "f" {
		t.Error("superfluous rows stay")
	}
	execute(t, url, "VACUUM FULL checkpoint.checkpoint_samples")
	t.Logf("%d samples of a key take %s bytes", want, pgtest.Shared(t).SQLAt(url, "SELECT pg_total_relation_size('checkpoint.checkpoint_samples')"))
}

// becomes waits until a query has the answer want.
func becomes(t *testing.T, url, query, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got = pgtest.Shared(t).SQLAt(url, query); got == want {
			return
		}
	}
	t.Errorf("the rows are %q, want %q", got, want)
}
