package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// reportsTable has what instances report. Earlier releases leave it alone.
const reportsTable = `CREATE TABLE reports (
	key TEXT NOT NULL,
	instance TEXT NOT NULL, -- empty: the notice
	at TEXT NOT NULL,
	expires_at TEXT, -- NULL: never
	text TEXT NOT NULL,
	PRIMARY KEY (key, instance)
) WITHOUT ROWID`

const (
	sqlReport = "INSERT INTO reports (key, instance, at, expires_at, text) VALUES (?, ?, ?, ?, ?)" +
		" ON CONFLICT (key, instance) DO UPDATE SET at = excluded.at, expires_at = excluded.expires_at, text = excluded.text"
	sqlEndReport    = "DELETE FROM reports WHERE key = ? AND instance = ?"
	sqlNotice       = "SELECT text FROM reports WHERE key = ?1 AND instance = '' AND (expires_at IS NULL OR expires_at > ?2)"
	sqlEndedReports = "DELETE FROM reports WHERE expires_at <= ?"
	sqlReports      = "SELECT key, instance, at, expires_at, text FROM reports" +
		" WHERE key IN (SELECT value FROM json_each(?1)) AND (expires_at IS NULL OR expires_at > ?2) ORDER BY key, instance"
)

var _ driver.Reporter = (*Driver)(nil)

// Report implements [driver.Reporter].
func (d *Driver) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	own := slices.Clone(reports) // the writer may still read it when the caller has given up
	results := make([]driver.ReportResult, len(own))
	if len(own) == 0 {
		return results, d.ready(ctx)
	}
	err := d.change(ctx, len(own), func(t *transaction) (err error) {
		for i := range own {
			if results[i].Notice, err = t.report(&own[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// report stores r, and returns the notice of its key.
func (t *transaction) report(r *driver.Report) (notice string, err error) {
	now := t.now.UTC()
	if r.Text == "" {
		err = t.exec(sqlEndReport, r.Key, r.Instance)
	} else {
		var expires time.Time
		if r.TTL > 0 {
			expires = now.Add(r.TTL + time.Millisecond - time.Nanosecond) // rounded up
		}
		err = t.exec(sqlReport, r.Key, r.Instance, encodeTime(now), optionalTime(expires), r.Text)
	}
	if err == nil {
		_, err = t.find([]any{&notice}, sqlNotice, r.Key, encodeTime(now))
	}
	return notice, err
}

// Reports implements [driver.Reporter].
func (d *Driver) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	keys = slices.Clone(keys) // read may return before its function
	once := slices.Compact(slices.Sorted(slices.Values(keys)))
	return readBy(ctx, d, sqlReports, func(stmt *sql.Stmt) ([][]driver.Report, error) {
		found := make(map[string][]driver.Report, len(keys))
		for part := range slices.Chunk(once, maxKeys) {
			if err := readReports(ctx, stmt, part, found); err != nil {
				return nil, err
			}
		}
		reports := make([][]driver.Report, len(keys))
		for i, key := range keys {
			reports[i] = slices.Clone(found[key])
		}
		return reports, nil
	})
}

func readReports(ctx context.Context, stmt *sql.Stmt, keys []string, found map[string][]driver.Report) error {
	list, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, string(list), encodeTime(time.Now().UTC()))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanReport(rows)
		if err != nil {
			return err
		}
		found[r.Key] = append(found[r.Key], r)
	}
	return rows.Err()
}

func scanReport(rows *sql.Rows) (r driver.Report, err error) {
	var at string
	var expires sql.NullString
	if err := rows.Scan(&r.Key, &r.Instance, &at, &expires, &r.Text); err != nil {
		return r, err
	}
	var ok, ends bool
	r.At, ok = decodeTime(at)
	if r.ExpiresAt, ends = decodeTime(expires.String); !ok || ends != expires.Valid {
		return driver.DamagedReport(r.Key, r.Instance, "its times are %.80q and %.80q", at, expires.String), nil
	}
	return r, nil
}
