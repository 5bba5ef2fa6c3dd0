package redisstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// TestScriptsDecideAsCellDoes plants states on a server, sound ones and damaged
// ones, and holds what a call answers and leaves to package cell. A write is tried by script.lua with
// usual.lua before it, without usual.lua, and by many.lua with the writes of other keys. A
// read is tried by a transaction and by the script.
func TestScriptsDecideAsCellDoes(t *testing.T) {
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { client.Close() })
	d, err := New(client, &Options{Namespace: "prod:"})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := New(client, &Options{Namespace: "prod:", NoShortcuts: true})
	if err != nil {
		t.Fatal(err)
	}
	whole, sampled := writeScript, sampledScript
	t.Cleanup(func() { writeScript, sampledScript = whole, sampled })
	for name, of := range map[string]struct {
		script *script
		beside int
	}{
		"usual.lua and script.lua": {whole, 0},
		"script.lua alone":         {newScript(true, 8, commonText, changeText, auditText, writeText), 0},
		"many.lua":                 {whole, 2},
	} {
		t.Run(name, func(t *testing.T) {
			writeScript, sampledScript = of.script, of.script
			rapid.Check(t, func(t *rapid.T) {
				for range 20 {
					d.recent = newRecent() // the world changes what is stored behind its back
					(&world{t: t, d: d, plain: plain, client: client, beside: of.beside}).step()
				}
			})
		})
	}
}

// numbers lie around each other, and around the ends of what Lua, and signed
// numbers, can hold.
var numbers = []string{
	"0", "1", "2", "3", "9", "10", "11", "9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808",
	"9999999999999999999", "10000000000000000000", "18446744073709551614", "18446744073709551615",
}

var noNumbers = []string{"", "-1", "+1", "01", "00", "1.0", "1e3", " 1", "x", "18446744073709551616", "99999999999999999999", "1@2"}

// A world is one key on a server, and the step that is tried on it.
type world struct {
	t      *rapid.T
	d      *Driver
	plain  *Driver // without shortcuts
	client *redis.Client
	beside int  // how many keys are written in the same call
	odd    bool // the time of the update is garbage, which no write reads
	by     *driver.By
	entry  *driver.AuditEntry // what package cell notes of the call
	sample *driver.Sample     // what package cell keeps of the call
}

const key, oddTime = "k", "garbage"

func (w *world) chance(name string, of int) bool { return rapid.IntRange(1, of).Draw(w.t, name) == 1 }

func (w *world) number(name string) string {
	if w.chance(name+" is damaged", 12) {
		return rapid.SampledFrom(noNumbers).Draw(w.t, name)
	}
	return rapid.SampledFrom(numbers).Draw(w.t, name)
}

func (w *world) uint64(name string) uint64 {
	n, _ := canonical(rapid.SampledFrom(numbers).Draw(w.t, name))
	return n
}

func (w *world) must(err error) {
	if err != nil && !errors.Is(err, redis.Nil) {
		w.t.Fatal(err)
	}
}

func (w *world) step() {
	ctx := w.t.Context()
	main, fence, audit := w.d.prefix+key, w.d.fenceKey(key), w.d.auditKey(key)
	samples, hours := w.d.samplesKeys(key)
	w.must(w.client.Unlink(ctx, main, fence, audit, samples, hours).Err())
	w.plantCheckpoint(main)
	w.plantFence(fence)
	w.reads()
	foreign := w.chance("something else is at the key of the audit entries", 15)
	if foreign {
		w.must(w.client.Set(ctx, audit, "x", 0).Err())
	}
	if w.chance("somebody says who", 3) {
		w.by = &driver.By{Actor: "ana", Reason: "why", Op: rapid.SampledFrom([]string{"", "import"}).Draw(w.t, "op")}
	}
	before := w.inspect(main)
	if w.odd {
		w.must(w.client.HSet(ctx, main, "updatedAt", oddTime).Err())
	}
	now, err := w.client.Time(ctx).Result()
	w.must(err)
	want, wanted, got := w.call(cell.Cell(before), now)
	w.reads()
	if got != wanted {
		w.t.Errorf("the answer is %s, package cell says %s", got, wanted)
	}
	after := w.inspect(main)
	if shown, wants := show(after, now), show(driver.Cell(want), now); shown != wants {
		w.t.Errorf("before: %s\nafter:  %s\nwant:   %s", show(before, now), shown, wants)
	}
	if !foreign || w.entry != nil {
		w.history(show(before, now), now)
	}
	w.samples(show(before, now))
}

// reads holds what a read says of the key to what a read without shortcuts says.
func (w *world) reads() {
	fast, err := w.d.Get(w.t.Context(), []string{key})
	w.must(err)
	slow, err := w.plain.Get(w.t.Context(), []string{key})
	w.must(err)
	got, want := fast[0], slow[0]
	if d := got.ExpiresAt.Sub(want.ExpiresAt); d.Abs() < time.Minute {
		got.ExpiresAt = want.ExpiresAt
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("the read is %v, without shortcuts %v", got, want)
	}
}

// samples holds the samples of the key to what package cell keeps.
func (w *world) samples(before string) {
	got, err := w.d.Samples(w.t.Context(), key)
	w.must(err)
	var want []driver.Sample
	if w.sample != nil {
		want = append(want, *w.sample)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("before: %s\nthe samples are %v, package cell says %v", before, got, want)
	}
}

// history holds the entries of the key to what package cell notes.
func (w *world) history(before string, now time.Time) {
	entries, err := w.d.History(w.t.Context(), key, 10)
	w.must(err)
	got, want := "", ""
	for _, e := range entries {
		got += showEntry(e, now)
	}
	if w.entry != nil {
		want = showEntry(*w.entry, now)
	}
	if got != want {
		w.t.Errorf("before: %s\nthe entries are %s, package cell says %s", before, got, want)
	}
}

func showEntry(e driver.AuditEntry, now time.Time) string {
	at := e.At
	e.At = time.Time{}
	text, _ := json.Marshal(e)
	return about(at, now) + string(text)
}

func (w *world) plantCheckpoint(main string) {
	ctx := w.t.Context()
	switch rapid.SampledFrom([]string{"none", "hash", "hash", "hash", "hash", "string", "list"}).Draw(w.t, "checkpoint") {
	case "none":
		return
	case "string":
		w.must(w.client.Set(ctx, main, w.number("commit")+"@"+w.number("prepare"), 0).Err())
	case "list":
		w.must(w.client.RPush(ctx, main, "1").Err())
	case "hash":
		fields := map[string]string{"commit": w.number("commit"), "prepare": w.number("prepare")}
		if w.chance("same number twice", 3) {
			fields["prepare"] = fields["commit"]
		}
		for name := range map[string]string{"commit": "", "prepare": ""} {
			if w.chance("no "+name, 20) {
				delete(fields, name)
			}
		}
		if w.chance("epoch", 2) {
			fields["epoch"] = w.number("epoch")
		}
		if w.chance("log", 3) {
			fields["logId"] = "a"
		}
		if w.odd = w.chance("odd time", 6); !w.odd && !w.chance("no time", 4) {
			fields["updatedAt"] = rapid.SampledFrom([]string{"2026-01-02T03:04:05.006Z", "2026-02-03T03:59:59.999Z", "2026-02-03T04:04:59.999Z", "2026-02-03T04:05:00.000Z"}).Draw(w.t, "time")
		}
		fields["other"] = "field"
		w.must(w.client.HSet(ctx, main, fields).Err())
	}
	if w.chance("expires", 4) {
		w.must(w.client.Expire(ctx, main, time.Hour).Err())
	}
}

func (w *world) plantFence(fence string) {
	ctx := w.t.Context()
	switch rapid.SampledFrom([]string{"none", "hash", "hash", "hash", "hash", "string"}).Draw(w.t, "fence") {
	case "string":
		w.must(w.client.Set(ctx, fence, "7", 0).Err())
	case "hash":
		fields := make(map[string]string)
		if w.chance("another field", 2) {
			fields["other"] = "field"
		}
		if !w.chance("no epoch", 12) {
			fields["epoch"] = w.number("fence")
		}
		ms := func(of time.Duration) string { return fmt.Sprint(time.Now().Add(of).UnixMilli()) }
		if w.chance("raised", 2) {
			of := fields["epoch"]
			if w.chance("raised by an earlier release", 4) {
				of = "4"
			}
			fields["raised"] = of + "@" + ms(-rapid.SampledFrom([]time.Duration{time.Hour, 48 * time.Hour}).Draw(w.t, "age"))
		}
		if w.chance("lease", 2) {
			fields["owner"] = rapid.SampledFrom([]string{"a", "b", ""}).Draw(w.t, "holder")
			fields["leaseEpoch"] = fields["epoch"]
			if w.chance("another epoch", 3) {
				fields["leaseEpoch"] = w.number("leaseEpoch")
			}
			ends := rapid.SampledFrom([]time.Duration{-48 * time.Hour, -time.Hour, time.Hour, 9 * time.Hour, 9 * time.Hour}).Draw(w.t, "until")
			fields["until"] = ms(ends)
			if !w.chance("not known when granted", 4) {
				fields["granted"] = ms(ends - 2*time.Hour)
			}
			for _, name := range []string{"owner", "leaseEpoch", "until"} {
				if w.chance("no "+name, 15) {
					delete(fields, name)
				}
			}
			if w.chance("damaged end", 15) {
				fields["until"] = rapid.SampledFrom(noNumbers).Draw(w.t, "damaged until")
			}
		}
		if len(fields) > 0 {
			w.must(w.client.HSet(ctx, fence, fields).Err())
		}
	}
}

// inspect leaves out the odd time, which is damage to Get and none to a write.
func (w *world) inspect(main string) driver.Cell {
	if value, err := w.client.HGet(w.t.Context(), main, "updatedAt").Result(); err == nil && value == oddTime {
		w.must(w.client.HDel(w.t.Context(), main, "updatedAt").Err())
	}
	cells, err := w.d.Inspect(w.t.Context(), []string{key})
	if err != nil {
		w.t.Fatal(err)
	}
	return cells[0]
}

// call makes one call, and returns what package cell makes of it, what it answers,
// and what the driver does.
func (w *world) call(c cell.Cell, now time.Time) (want cell.Cell, wanted, got string) {
	ctx := w.t.Context()
	var by driver.By
	if w.by != nil {
		by = *w.by
		ctx = driver.WithBy(ctx, by)
	}
	lease := driver.Lease{
		Key: key, Owner: rapid.SampledFrom([]string{"a", "b"}).Draw(w.t, "owner"), TTL: 3 * time.Hour, Epoch: w.uint64("epoch of the lease"),
	}
	if w.chance("the fence's own epoch", 2) {
		lease.Epoch = c.Fence.Epoch
	}
	switch rapid.SampledFrom([]string{"write", "write", "write", "write", "acquire", "acquire", "renew", "release", "raise", "forget", "delete"}).Draw(w.t, "call") {
	case "acquire":
		after, r := c.Acquire(lease, now)
		w.entry = cell.AcquireEntry(c, after, r, now)
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
		w.entry = cell.RaiseEntry(c, after, atLeast, by, now)
		raised, gotErr := w.d.RaiseFence(ctx, key, atLeast)
		return after, fmt.Sprint(fence, kind(err, now)), fmt.Sprint(raised, kind(gotErr, now))
	case "forget":
		after, released := c.ReleaseFence(24*time.Hour, now)
		n, err := w.d.ReleaseFences(ctx, []string{key}, 24*time.Hour)
		return after, fmt.Sprint(released), fmt.Sprint(n == 1) + kind(err, now)
	case "delete":
		after, there := c.Delete(now)
		w.entry = cell.DeleteEntry(c, after, there, by, now)
		n, err := w.d.Delete(ctx, []string{key})
		return after, fmt.Sprint(there), fmt.Sprint(n == 1) + kind(err, now)
	}
	write := w.write(c)
	after, r := c.Write(write, now)
	w.entry = cell.WriteEntry(&c, &after, &write, r, now)
	if sample, ok := cell.WriteSample(&c, &write, r, now); ok {
		w.sample = &sample
	}
	writes := []driver.Write{write}
	for i := range w.beside {
		writes = append(writes, write)
		writes[i+1].Key = fmt.Sprint("beside", i)
	}
	results, err := w.d.Write(ctx, writes)
	w.must(err)
	return after, showResult(write, r, now), showResult(write, results[0], now)
}

func (w *world) write(c cell.Cell) driver.Write {
	write := driver.Write{
		Key: key, By: w.by, Mode: rapid.SampledFrom([]driver.Mode{driver.IfNewer, driver.IfNewer, driver.IfNewer, driver.Set, driver.Rewind, driver.Touch}).Draw(w.t, "mode"),
		Mark: driver.Mark{
			Position:  driver.Position{Commit: w.uint64("new commit"), Prepare: w.uint64("new prepare")},
			UpdatedAt: time.Date(2026, 2, 3, 4, 5, 6, 7_000_000, time.UTC),
		},
	}
	if w.chance("the same commit", 2) {
		write.Position.Commit = c.Checkpoint.Position.Commit
		if w.chance("the same prepare", 2) {
			write.Position.Prepare = c.Checkpoint.Position.Prepare
		}
	}
	switch rapid.SampledFrom([]string{"none", "fence", "stored", "any"}).Draw(w.t, "epoch of the write") {
	case "fence":
		write.Epoch = c.Fence.Epoch
	case "stored":
		write.Epoch = c.Checkpoint.Epoch
	case "any":
		write.Epoch = w.uint64("any epoch")
	}
	if w.chance("for a while", 4) {
		write.TTL = 5 * time.Hour
	}
	if w.chance("samples", 2) {
		write.SampleBefore = time.Date(2026, 2, 3, 4, rapid.SampledFrom([]int{0, 5}).Draw(w.t, "bucket"), 0, 0, time.UTC)
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
	return s
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
