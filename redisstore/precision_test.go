package redisstore_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// numbers are drawn where a comparison in doubles, in signed numbers, or in
// strings of unequal lengths goes wrong.
func numbers() *rapid.Generator[uint64] {
	return rapid.Custom(func(t *rapid.T) uint64 {
		center := rapid.SampledFrom([]uint64{0, 10, 1e15, 1 << 53, 1 << 54, 1e18, 1 << 63, 1e19, math.MaxUint64, 12345678901234567890}).
			Draw(t, "center")
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0: // any number of digits
			digits := rapid.IntRange(1, 19).Draw(t, "digits")
			var n uint64
			for range digits {
				n = n*10 + uint64(rapid.IntRange(0, 9).Draw(t, "digit"))
			}
			return n
		case 1:
			return rapid.Uint64().Draw(t, "any")
		default: // wraps around the ends, which is as good
			return center + uint64(rapid.IntRange(-3, 3).Draw(t, "offset"))
		}
	})
}

// pair draws two numbers, mostly neighbours.
func pair(t *rapid.T, name string) (a, b uint64) {
	a = numbers().Draw(t, name)
	if rapid.IntRange(0, 3).Draw(t, name+": far apart") == 0 {
		return a, numbers().Draw(t, "other "+name)
	}
	return a, a + uint64(rapid.IntRange(-2, 2).Draw(t, name+": to the other"))
}

func TestSetIfNewerComparesAll64Bits(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	rapid.Check(t, func(r *rapid.T) {
		oldCommit, commit := pair(r, "commit")
		oldPrepare, prepare := pair(r, "prepare")
		stored, next := at(oldCommit, oldPrepare), at(commit, prepare)
		ctx := t.Context()
		if rapid.Bool().Draw(r, "older layout") {
			server.Do("SET", layoutKey,
				strconv.FormatUint(stored.Commit, 10)+"@"+strconv.FormatUint(stored.Prepare, 10))
		} else if err := store.Set(ctx, "orders", stored); err != nil {
			r.Fatal(err)
		}
		// The usual write has a way of its own through the script.
		var opts []checkpoint.WriteOption
		if rapid.Bool().Draw(r, "unusual") {
			opts = append(opts, checkpoint.TTL(time.Hour))
		}
		ok, err := store.SetIfNewer(ctx, "orders", next, opts...)
		if err != nil {
			r.Fatal(err)
		}
		want := stored
		if next.Compare(stored) >= 0 {
			want = next
		}
		if ok != (next.Compare(stored) >= 0) {
			r.Errorf("SetIfNewer of %v over %v is %v", next, stored, ok)
		}
		if c, err := store.Get(ctx, "orders"); err != nil || c.Position != want {
			r.Errorf("after SetIfNewer of %v over %v Get is %v, %v, want %v", next, stored, c.Position, err, want)
		}
	})
}

func TestFenceComparesAll64Bits(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	rapid.Check(t, func(r *rapid.T) {
		ctx := t.Context()
		fence, epoch := pair(r, "epoch")
		fence, epoch = max(1, fence), max(1, epoch)
		server.Do("FLUSHALL")
		if err := store.Set(ctx, "orders", at(1, 1), checkpoint.Epoch(fence)); err != nil {
			r.Fatal(err)
		}
		err := store.Set(ctx, "orders", at(2, 2), checkpoint.Epoch(epoch))
		if (err == nil) != (epoch >= fence) {
			r.Errorf("with the fence at %d a write of epoch %d is %v", fence, epoch, err)
		}
		highest := max(fence, epoch)
		c, err := store.Rewind(ctx, "orders", at(0, 0))
		switch {
		case highest == math.MaxUint64:
			if err == nil {
				r.Errorf("Rewind raised the fence above %d to %d", highest, c.Epoch)
			}
		case err != nil || c.Epoch != highest+1:
			r.Errorf("Rewind with the fence at %d gives %d, %v", highest, c.Epoch, err)
		}
	})
}
