package pgstore

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

func (s *statements) keepSamples(in func(string) string) {
	const (
		insert = "INSERT INTO {samples} (namespace, key, at, commit_position, prepare_position, hourly) SELECT $1, w.*" +
			" FROM unnest($2::text[], $3::timestamptz[], $4::numeric[], $5::numeric[], $6::boolean[])" +
			" AS w (key, at, commit_position, prepare_position, hourly)"
		last = " ON CONFLICT (namespace, key, at) DO UPDATE SET commit_position = excluded.commit_position," +
			" prepare_position = excluded.prepare_position, hourly = excluded.hourly"
	)
	s.insertSamples = in(insert + last)
	s.adoptSamples = in(insert + " WHERE NOT EXISTS (SELECT FROM {samples} s WHERE s.namespace = $1 AND s.key = w.key)" + last)
	nth := func(which, n string) string {
		return " (SELECT at FROM {samples} WHERE namespace = $1 AND key = w.key" + which + " ORDER BY at DESC LIMIT 1 OFFSET " + n + "::int - 1)"
	}
	// Without MATERIALIZED, the planner may look for the two times once for each row.
	s.trimSamples = in("WITH w AS MATERIALIZED (SELECT key," + nth("", "$3") + " AS kept," + nth(" AND hourly", "$4") + " AS hours" +
		" FROM unnest($2::text[]) AS w (key))" +
		" DELETE FROM {samples} s USING w WHERE s.namespace = $1 AND s.key = w.key AND s.at < w.kept AND (NOT s.hourly OR s.at < w.hours)")
	s.deleteSamples = in("DELETE FROM {samples} WHERE namespace = $1 AND key = ANY ($2::text[])")
	s.samples = in("SELECT round(extract(epoch FROM at) * 1000)::text, commit_position::text, prepare_position::text, hourly::text" +
		" FROM {samples} WHERE namespace = $1 AND key = $2::text ORDER BY at")
	s.agedSamples = in("WITH page AS (SELECT key, at FROM {samples} WHERE namespace = $1 AND key >= $2::text ORDER BY key, at LIMIT $3::int)," +
		" gone AS (DELETE FROM {samples} s USING page WHERE s.namespace = $1 AND s.key = page.key AND s.at = page.at" +
		" AND page.at < now() - $4::interval RETURNING 1)" +
		" SELECT (SELECT count(*) FROM page)::text, (SELECT count(*) FROM gone)::text, (SELECT max(key) FROM page)")
}

// samples are what the changes of a step leave, by key and time: a statement stores a row once.
type samples map[sampleID]driver.Sample

type sampleID struct {
	key string
	at  int64 // in milliseconds since 1970
}

func (s *samples) add(key string, sample driver.Sample) {
	if *s == nil {
		*s = make(samples)
	}
	(*s)[sampleID{key, sample.At.UnixMilli()}] = sample
}

// trimEvery is after how many samples of a key the superfluous ones are removed, about.
// Samples leaves them out.
const trimEvery = 16

func (s samples) statements(sql *statements, namespace string) []*statement {
	if len(s) == 0 {
		return nil
	}
	var trim list
	trimmed := make(map[string]bool)
	for id := range s {
		if !trimmed[id.key] && rand.N(trimEvery) == 0 {
			trimmed[id.key] = true
			trim.add(id.key)
		}
	}
	store := []*statement{{sql: sql.insertSamples, args: s.args(namespace)}}
	if trim.Len() > 0 {
		store = append(store, &statement{sql: sql.trimSamples, args: []any{
			namespace, trim.text(), strconv.Itoa(driver.SampleCount), strconv.Itoa(driver.HourlySampleCount),
		}})
	}
	return store
}

func (s samples) args(namespace string) []any {
	var key, at, commit, prepare, hourly list
	for id, sample := range s {
		key.add(id.key)
		at.add(encodeTime(sample.At))
		commit.add(encodeNumber(sample.Position.Commit))
		prepare.add(encodeNumber(sample.Position.Prepare))
		hourly.add(strconv.FormatBool(sample.Hourly))
	}
	return []any{namespace, key.text(), at.text(), commit.text(), prepare.text(), hourly.text()}
}

var _ driver.Sampler = (*Driver)(nil)

// Samples implements [driver.Sampler].
func (d *Driver) Samples(ctx context.Context, key string) ([]driver.Sample, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	found, err := readSamples(ctx, d.read, d.sql, d.opts.Namespace, key)
	if err != nil {
		return nil, d.failure(ctx, err)
	}
	return found, nil
}

// readSamples returns the latest sample first.
func readSamples(
	ctx context.Context, read func(context.Context, *statement) error, sql *statements, namespace, key string,
) (found []driver.Sample, err error) {
	err = read(ctx, &statement{sql: sql.samples, args: []any{namespace, key}, each: func(scan func(...any) error) error {
		var at, commit, prepare, hourly *string
		if err := scan(&at, &commit, &prepare, &hourly); err != nil {
			return err
		}
		when, sound := decodeTime(at)
		c, ok := decodeNumber(commit)
		p, too := decodeNumber(prepare)
		if !sound || !ok || !too || hourly == nil {
			return driver.DamagedHistory("a sample of key %q, of %s", key, text(at))
		}
		found = append(found, driver.Sample{At: when, Position: driver.Position{Commit: c, Prepare: p}, Hourly: *hourly == "true"})
		return nil
	}})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	last := len(found) - 1
	found = cell.KeepSample(found[:last], found[last])
	slices.Reverse(found)
	return found, nil
}
