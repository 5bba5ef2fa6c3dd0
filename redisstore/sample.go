package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.Sampler = (*Driver)(nil)

var errNoSamples = fmt.Errorf("%w: redisstore: a driver with Options.Prefix keeps no samples", driver.ErrUnsupported)

// asksForSamples reports whether the script has changed nothing, because it needs the keys
// of the samples. Each key costs time, and few writes need them.
func asksForSamples(r reply) bool { return r.err == nil && r.value == int64(9) }

// sendSampled sends writes with the keys of their samples. No write fails for a sample: if
// such a write ran nowhere, it goes once more and leaves no sample.
func (b *batchOfWrites) sendSampled(ctx context.Context, round []int) {
	replies := b.driver.run(ctx, sampledScript, len(round), func(n int, to []any) []any {
		return b.driver.writeArgs(to, &b.writes[round[n]], true)
	})
	var refused []int
	for n, i := range round {
		if err := replies[n].err; err != nil && (b.driver.neverRan(err) || isDenied(err)) {
			refused = append(refused, i)
			continue
		}
		b.read(i, replies[n])
	}
	if len(refused) == 0 {
		return
	}
	replies = b.driver.run(ctx, writeScript, len(refused), func(n int, to []any) []any {
		w := b.writes[refused[n]]
		w.SampleBefore = time.Time{}
		return b.driver.writeArgs(to, &w, false)
	})
	for n, i := range refused {
		b.read(i, replies[n])
	}
}

// sampledScript is writeScript, and does not wait for keys that are on their way to another
// node.
var sampledScript = func() *script {
	s := *writeScript
	s.hasty = true
	return &s
}()

// isDenied reports whether the user may not use a key of a script, which then did not run.
func isDenied(err error) bool {
	return redis.HasErrorPrefix(err, "NOPERM") && !strings.Contains(err.Error(), "script: ")
}

// Samples implements [driver.Sampler].
func (d *Driver) Samples(ctx context.Context, key string) ([]driver.Sample, error) {
	if !d.fenced {
		return nil, errNoSamples
	}
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	latest, hours := d.samplesKeys(key)
	lists, err := d.lists(ctx, 0, hours, latest)
	if err != nil {
		return nil, err
	}
	// The latest come last: of two samples of a time, the one that was kept later stays.
	var samples []driver.Sample
	for i, list := range lists {
		for _, text := range slices.Backward(list) {
			s, ok := decodeSample(text)
			if !ok {
				return nil, driver.DamagedHistory("the sample %s at Redis key %q: remove the key", quote(text), []string{hours, latest}[i])
			}
			samples = cell.KeepSample(samples, s)
		}
	}
	slices.Reverse(samples)
	return samples, nil
}

// sampleTime is the layout of a sample's time.
const sampleTime = "20060102150405.000"

// encodeSample writes s as script.lua writes it.
func encodeSample(s driver.Sample) string {
	kind, position := " ", encodePosition(&s.Position)
	if s.Hourly {
		kind = "h"
	}
	if s.Position.Commit == s.Position.Prepare {
		position = strconv.FormatUint(s.Position.Commit, 10)
	}
	return strings.Replace(s.At.UTC().Format(sampleTime), ".", "", 1) + kind + position
}

// decodeSample reads what script.lua has written: a time of 17 digits, h if the sample is
// hourly, and a position.
func decodeSample(text string) (driver.Sample, bool) {
	if len(text) < 19 {
		return driver.Sample{}, false
	}
	at, err := time.Parse(sampleTime, text[:14]+"."+text[14:17])
	position, positionErr := driver.ParsePosition(text[18:])
	kind := text[17]
	return driver.Sample{At: at, Position: position, Hourly: kind == 'h'}, err == nil && positionErr == nil && (kind == 'h' || kind == ' ')
}
