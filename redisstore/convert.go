package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A Conversion is what [Driver.Convert] did at one key.
type Conversion struct {
	// Done says that Convert has changed the layout. If Done is false and Err is nil, the
	// checkpoint was in today's layout already.
	Done bool

	Position driver.Position // if Done: the position that stands

	// Err is [driver.ErrNotFound], [driver.ErrCorruptCheckpoint], or why no answer came.
	// With Done, Err says why the change may be lost: see Options.MinReplicas.
	Err error
}

var errForeign = errors.New("redisstore: Options.Prefix names keys of another program, which could not read them in today's layout: " +
	"copy them to a namespace")

// Convert brings the checkpoints of keys into today's layout: commit@prepare strings
// become hashes, and a checkpoint without updatedAt gets the given one. Convert returns
// one Conversion for each key, in the order of the keys. Each conversion is one atomic
// step, and keeps the current position and expiry. So it never undoes a concurrent rewind
// or deletion. Convert fails for a driver with Options.Prefix.
func (d *Driver) Convert(ctx context.Context, keys []string, updatedAt time.Time) ([]Conversion, error) {
	if !d.fenced {
		return nil, errForeign
	}
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	done := make([]Conversion, 0, len(keys))
	for len(done) < len(keys) {
		some := keys[len(done):min(len(done)+maxPipeline, len(keys))]
		replies := d.run(ctx, convertScript, len(some), func(i int, to []any) []any {
			return append(to, "1", d.prefix+some[i], d.stamp(updatedAt))
		})
		for i, r := range replies {
			done = append(done, d.conversion(some[i], r))
		}
	}
	return done, nil
}

// conversion reads the script's answer, which has the codes of a write.
func (d *Driver) conversion(key string, r reply) Conversion {
	if code, detail := decodeReply(r.value); r.err == nil && code == int64(1) {
		commit, _ := canonical(detail.text(0))
		prepare, _ := canonical(detail.text(1))
		return Conversion{Done: true, Position: driver.Position{Commit: commit, Prepare: prepare}, Err: r.doubt}
	}
	return Conversion{Err: d.result(&driver.Write{Key: key}, r.value, r.err).Err}
}
