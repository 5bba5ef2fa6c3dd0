package pgstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"
	"pgregory.net/rapid"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// TestStatementsDecideAsCellDoes plants states in the tables, sound ones and damaged
// ones, and holds what a call answers and leaves to package cell.
func TestStatementsDecideAsCellDoes(t *testing.T) {
	url := newDatabase(t)
	execute(t, url, withoutChecks("checkpoint"))
	pool, d := newPool(t, url), open(t, url, &pgstore.Options{Namespace: "n"})
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	// Only Open has the usual statements.
	steps := map[string]int{"Open": 25, "OnTx": 5, "OnSQLTx": 5}
	for name, within := range map[string]inTx{
		"Open":    func(_ context.Context, f func(driver.Driver) error) error { return f(d) },
		"OnTx":    inPgxTx(pool),
		"OnSQLTx": inSQLTx(db),
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				for range steps[name] {
					(&world{t: t, d: d, pool: pool, within: within}).step()
				}
			})
		})
	}
}

// inTx runs f with a driver, and commits its transaction if it has one.
type inTx func(ctx context.Context, f func(driver.Driver) error) error

func inPgxTx(pool *pgxpool.Pool) inTx {
	return func(ctx context.Context, f func(driver.Driver) error) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			d, err := pgstore.OnTx(tx, &pgstore.Options{Namespace: "n"})
			if err == nil {
				err = f(d)
			}
			return err
		})
	}
}

func inSQLTx(db *sql.DB) inTx {
	return func(ctx context.Context, f func(driver.Driver) error) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		d, err := pgstore.OnSQLTx(tx, &pgstore.Options{Namespace: "n"})
		if err == nil {
			err = f(d)
		}
		if err == nil {
			err = tx.Commit()
		}
		return err
	}
}

// numbers lie around each other, and around the ends of what signed numbers and floats
// can hold.
var numbers = []string{
	"0", "1", "2", "3", "9", "10", "11", "9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808",
	"9999999999999999999", "10000000000000000000", "18446744073709551614", "18446744073709551615",
}

var noNumbers = []string{"NULL", "-1", "'NaN'", "18446744073709551616", "99999999999999999999"}

// A world is one key, and the step that is tried on it.
type world struct {
	t      *rapid.T
	d      *pgstore.Driver
	pool   *pgxpool.Pool
	within inTx
	odd    string // the time of the update if it is damaged, which no write reads

	samples []driver.Sample // that the key should have
}

const key = "k"

func (w *world) chance(name string, of int) bool { return rapid.IntRange(1, of).Draw(w.t, name) == 1 }

func (w *world) number(name string) string {
	if w.chance(name+" is damaged", 8) {
		return rapid.SampledFrom(noNumbers).Draw(w.t, name)
	}
	return rapid.SampledFrom(numbers).Draw(w.t, name)
}

func (w *world) uint64(name string) uint64 {
	n, err := strconv.ParseUint(rapid.SampledFrom(numbers).Draw(w.t, name), 10, 64)
	w.must(err)
	return n
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sql(statement string) {
	if _, err := w.pool.Exec(w.t.Context(), statement); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

func (w *world) step() {
	w.sql("DELETE FROM checkpoint.checkpoints")
	w.sql("DELETE FROM checkpoint.checkpoint_fences")
	w.sql("DELETE FROM checkpoint.checkpoint_samples")
	// What another namespace holds is nobody's business.
	w.sql("INSERT INTO checkpoint.checkpoints VALUES ('', 'k', 5, 5, now(), NULL, 5, '')")
	w.plantCheckpoint()
	w.plantFence()
	before := w.inspect()
	now := time.Now()
	want, wanted, got := w.call(cell.Cell(before), now)
	if got != wanted {
		w.t.Errorf("the answer is %s, package cell says %s", got, wanted)
	}
	after := w.inspect()
	if shown, wants := show(after, now), show(driver.Cell(want), now); shown != wants {
		w.t.Errorf("before: %s\nafter:  %s\nwant:   %s", show(before, now), shown, wants)
	}
	samples, err := w.d.Samples(w.t.Context(), key)
	w.must(err)
	if slices.Reverse(samples); !slices.Equal(samples, w.samples) {
		w.t.Errorf("before: %s\nafter: %s\nthe samples are %v, want %v", show(before, now), show(after, now), samples, w.samples)
	}
}

func (w *world) plantCheckpoint() {
	if w.chance("no checkpoint", 5) {
		return
	}
	commit := w.number("commit")
	prepare := w.number("prepare")
	if w.chance("same number twice", 3) {
		prepare = commit
	}
	updatedAt, expiresAt, epoch, log := "'"+plantedAt.Format(time.RFC3339Nano)+"'", "NULL", "0", "''"
	if w.chance("odd time", 6) {
		updatedAt = rapid.SampledFrom([]string{"NULL", "'infinity'", "'0044-03-15 BC'"}).Draw(w.t, "time")
		w.odd = updatedAt
	}
	if w.chance("expires", 4) {
		expiresAt = rapid.SampledFrom([]string{
			"now() + interval '1 hour'", "now() - interval '1 hour'", "'infinity'", "'-infinity'",
		}).Draw(w.t, "end")
	}
	if w.chance("epoch", 2) {
		epoch = w.number("epoch")
	}
	if w.chance("log", 3) {
		log = rapid.SampledFrom([]string{"'a'", "NULL"}).Draw(w.t, "log")
	}
	if expiresAt == "now() - interval '1 hour'" {
		epoch = "0" // Inspect shows nothing of an expired checkpoint, and RaiseFence reads its epoch
	}
	w.sql(fmt.Sprintf("INSERT INTO checkpoint.checkpoints VALUES ('n', 'k', %s, %s, %s, %s, %s, %s)", commit, prepare, updatedAt, expiresAt, epoch, log))
}

// plantedAt is when the planted checkpoint was written. It is far ahead, so that no purge removes
// the samples of this time as too old.
var plantedAt = time.Date(2126, 1, 2, 3, 4, 5, 6_000_000, time.UTC)

func (w *world) plantFence() {
	if w.chance("no fence", 4) {
		return
	}
	epoch, raised := w.number("fence"), "NULL"
	if w.chance("raised", 2) {
		raised = rapid.SampledFrom([]string{"now() - interval '1 hour'", "now() - interval '48 hours'", "'infinity'"}).Draw(w.t, "age")
	}
	lease := []string{"NULL", "NULL", "NULL", "NULL"}
	if w.chance("lease", 2) {
		lease = []string{"'a'", epoch, "7200000", "now() + interval '1 hour'"}
		if w.chance("another owner", 2) {
			lease[0] = rapid.SampledFrom([]string{"'b'", "'b'", "''"}).Draw(w.t, "holder")
		}
		if w.chance("another epoch", 3) {
			lease[1] = w.number("epoch of the lease")
		}
		lease[3] = fmt.Sprintf("now() + interval '%d hours'", rapid.SampledFrom([]int{-48, -1, 1, 9, 9}).Draw(w.t, "until"))
		for i, odd := range []string{"NULL", "NULL", "-1", "'infinity'"} {
			if w.chance("damaged", 15) {
				lease[i] = odd
			}
		}
	}
	w.sql(fmt.Sprintf("INSERT INTO checkpoint.checkpoint_fences VALUES ('n', 'k', %s, %s, %s, %s, %s, %s)",
		epoch, raised, lease[0], lease[1], lease[2], lease[3]))
}

// inspect leaves out the odd time, which is damage to Get and none to a write.
func (w *world) inspect() driver.Cell {
	w.sql("UPDATE checkpoint.checkpoints SET updated_at = '1970-01-01Z'" +
		" WHERE updated_at IS NULL OR NOT isfinite(updated_at) OR updated_at < '0001-01-01Z'")
	cells, err := w.d.Inspect(w.t.Context(), []string{key})
	w.must(err)
	w.must(w.odder())
	return cells[0]
}

// odder makes the time odd again, if it was and no write has replaced it.
func (w *world) odder() error {
	if w.odd == "" {
		return nil
	}
	_, err := w.pool.Exec(w.t.Context(), "UPDATE checkpoint.checkpoints SET updated_at = "+w.odd+" WHERE updated_at = '1970-01-01Z'")
	return err
}

// call makes one call, and returns what package cell makes of it, what it answers, and
// what the driver does.
func (w *world) call(c cell.Cell, now time.Time) (want cell.Cell, wanted, got string) {
	ctx := w.t.Context()
	lease := driver.Lease{
		Key: key, Owner: rapid.SampledFrom([]string{"a", "b"}).Draw(w.t, "owner"), TTL: 3 * time.Hour, Epoch: w.uint64("epoch asked for"),
	}
	if w.chance("the fence's own epoch", 2) {
		lease.Epoch = c.Fence.Epoch
	}
	switch rapid.SampledFrom([]string{"write", "write", "write", "write", "write", "write", "acquire", "acquire", "renew", "release", "raise", "forget", "delete"}).Draw(w.t, "call") {
	case "acquire":
		after, r := c.Acquire(lease, now)
		granted, err := driver.One(w.d.Acquire(ctx, []driver.Lease{lease}))
		return after, showLease(r.Lease, r.Err, now), showLease(granted, err, now)
	case "renew":
		after, r := c.Renew(lease, now)
		renewed, err := driver.One(w.d.Renew(ctx, []driver.Lease{lease}))
		return after, showLease(r.Lease, r.Err, now), showLease(renewed, err, now)
	case "release":
		after, _ := c.Release(lease, now)
		_, err := driver.One(w.d.Release(ctx, []driver.Lease{lease}))
		return after, "<nil>", fmt.Sprint(err)
	case "raise":
		atLeast := w.uint64("at least")
		after, fence, err := c.RaiseFence(atLeast, now)
		raised, gotErr := w.d.RaiseFence(ctx, key, atLeast)
		return after, fmt.Sprint(fence, kind(err, now)), fmt.Sprint(raised, kind(gotErr, now))
	case "forget":
		after, released := c.ReleaseFence(24*time.Hour, now)
		n, err := w.d.ReleaseFences(ctx, []string{key}, 24*time.Hour)
		return after, fmt.Sprint(released), fmt.Sprint(n == 1) + kind(err, now)
	case "delete":
		after, there := c.Delete(now)
		n := 0
		err := w.within(ctx, func(d driver.Driver) (err error) {
			n, err = d.Delete(ctx, []string{key})
			return err
		})
		return after, fmt.Sprint(there), fmt.Sprint(n == 1) + kind(err, now)
	}
	return w.callWrite(c, now)
}

// callWrite writes once, or twice in a batch, and among other keys.
func (w *world) callWrite(c cell.Cell, now time.Time) (want cell.Cell, wanted, got string) {
	ctx := w.t.Context()
	beside := driver.Write{Key: "beside", Mode: driver.IfNewer, Mark: driver.Mark{Position: driver.Position{Commit: 1}, UpdatedAt: now.UTC().Truncate(time.Millisecond)}}
	var writes []driver.Write
	for range rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(w.t, "writes") {
		write := w.write(c)
		var r driver.Result
		found := c
		if found.Checkpoint.UpdatedAt.Unix() == 0 {
			found.Checkpoint.UpdatedAt = time.Time{} // it is odd
		}
		c, r = c.Write(write, now)
		if s, ok := cell.WriteSample(&found, &write, r, now); ok {
			w.samples = cell.KeepSample(w.samples, s)
		}
		wanted += showResult(write, r, now)
		writes = append(writes, beside, write)
		beside.Key += "+"
		beside.Epoch = 3
	}
	if w.chance("alone", 2) {
		writes = writes[1:]
	}
	var results []driver.Result
	w.must(w.within(ctx, func(d driver.Driver) (err error) {
		results, err = d.Write(ctx, writes)
		return err
	}))
	for i, r := range results {
		if writes[i].Key == key {
			got += showResult(writes[i], r, now)
		} else if r.Outcome != driver.Advanced {
			w.t.Errorf("the write beside it is %s %v", r.Outcome, r.Err)
		}
	}
	return c, wanted, got
}

func (w *world) write(c cell.Cell) driver.Write {
	write := driver.Write{
		Key: key, Mode: rapid.SampledFrom([]driver.Mode{driver.IfNewer, driver.IfNewer, driver.IfNewer, driver.Set, driver.Rewind, driver.Touch}).Draw(w.t, "mode"),
		Mark: driver.Mark{
			Position:  driver.Position{Commit: w.uint64("new commit"), Prepare: w.uint64("new prepare")},
			UpdatedAt: time.Date(2126, 2, 3, 4, 5, 6, 7_000_000, time.UTC),
		},
	}
	if w.chance("the same commit", 2) {
		write.Position.Commit = c.Checkpoint.Position.Commit
		if w.chance("the same prepare", 2) {
			write.Position.Prepare = c.Checkpoint.Position.Prepare
		}
	}
	switch rapid.SampledFrom([]string{"none", "fence", "fence", "stored", "any"}).Draw(w.t, "epoch of the write") {
	case "fence":
		write.Epoch = c.Fence.Epoch
	case "stored":
		write.Epoch = c.Checkpoint.Epoch
	case "any":
		write.Epoch = w.uint64("any epoch")
	}
	write.SampleBefore = rapid.SampledFrom([]time.Time{
		{}, {}, plantedAt, plantedAt.Add(time.Millisecond), plantedAt.Add(time.Hour), write.UpdatedAt.Add(time.Minute),
	}).Draw(w.t, "sample before")
	if w.chance("for a while", 4) {
		write.TTL = 5 * time.Hour
	}
	if w.chance("names its log", 4) {
		write.LogID = "b"
	}
	return write
}

func kind(err error, now time.Time) string {
	if held, ok := errors.AsType[*driver.LeaseHeldError](err); ok {
		return fmt.Sprintf("held by %s until %s", held.Owner, about(held.ExpiresAt, now))
	}
	for _, known := range []error{
		driver.ErrNotFound, driver.ErrCorruptCheckpoint, driver.ErrCorruptFence, driver.ErrCorruptLease, driver.ErrEpochExhausted, driver.ErrFenced,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err == nil {
		return ""
	}
	return "unexpected: " + err.Error()
}

func showLease(l driver.Lease, err error, now time.Time) string {
	if err != nil {
		return kind(err, now)
	}
	return fmt.Sprintf("%s has %d until %s of %v", l.Owner, l.Epoch, about(l.ExpiresAt, now), l.TTL)
}

func showResult(w driver.Write, r driver.Result, now time.Time) string {
	s := r.Outcome.String() + " " + kind(r.Err, now)
	if r.Outcome == driver.Fenced || w.Mode == driver.Rewind && r.Outcome == driver.Advanced {
		s += fmt.Sprint(" epoch ", r.Epoch)
	}
	return s + "; "
}

// about is how far t is from now, in minutes: the clocks of two calls differ.
func about(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Sub(now).Round(time.Minute).String()
}

func show(c driver.Cell, now time.Time) string {
	p, f, l := c.Checkpoint, c.Fence, c.Lease
	// Nothing is kept of a damaged checkpoint but what can still be read.
	if p.Err != nil {
		p.Position, p.UpdatedAt = driver.Position{}, time.Time{}
	}
	return fmt.Sprintf("checkpoint %t %v at %v epoch %d log %q expires %s %s; fence %d raised %s %s; lease %q epoch %d until %s of %v %s",
		p.Exists, p.Position, p.UpdatedAt, p.Epoch, p.LogID, about(p.ExpiresAt, now), kind(p.Err, now),
		f.Epoch, about(f.RaisedAt, now), kind(f.Err, now),
		l.Owner, l.Epoch, about(l.ExpiresAt, now), l.TTL.Round(time.Minute), kind(l.Err, now))
}
