package pgstore

import (
	"context"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint/driver"
)

const (
	purgeInterval = time.Minute
	purgeLimit    = 10_000
	purgePatience = 10 * time.Second
)

// A purger removes the checkpoints that have expired, of which nobody sees anything any
// more, and the audit entries that are past their age. While the driver writes, it looks at
// a page of keys every minute. So the table of checkpoints needs no index on the expiry,
// which would make every update of an expiry slow.
type purger struct {
	next atomic.Int64 // when the next purge may begin, in milliseconds since 1970
	from string       // the last key of the last page, or "" at the end

	fromSample string // likewise, of samples
}

// due reports whether it is time to purge, to one caller.
func (p *purger) due() bool {
	now, next := time.Now().UnixMilli(), p.next.Load()
	return now >= next && p.next.CompareAndSwap(next, math.MaxInt64)
}

// purge looks at the next page. It leaves damaged checkpoints, since nobody knows when
// they were meant to expire. Its failure is nobody's: the next purge tries again.
func (d *Driver) purge(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, purgePatience)
	defer cancel()
	last, deleted, err := d.purgePage(ctx, d.sql.expired, d.purger.from)
	if err == nil {
		err = d.purgeTraces(ctx)
	}
	pause := purgeInterval
	if err == nil {
		d.purger.from = last
		if deleted > 0 && last != "" {
			pause = 0
		}
	}
	d.purger.next.Store(time.Now().Add(pause).UnixMilli())
}

// purgePage removes what has expired in the page behind from. It returns the page's last
// key, or "" if no page follows.
func (d *Driver) purgePage(ctx context.Context, sql, from string, args ...any) (last string, deleted int, err error) {
	expired := &statement{
		sql: sql, args: append([]any{d.opts.Namespace, from, strconv.Itoa(purgeLimit)}, args...),
		each: func(scan func(...any) error) error {
			var looked, gone string
			var key *string
			if err := scan(&looked, &gone, &key); err != nil {
				return err
			}
			if key != nil && looked == strconv.Itoa(purgeLimit) {
				last = *key
			}
			deleted, err = strconv.Atoi(gone)
			return err
		},
	}
	err = d.on(ctx, func(conn *pgxpool.Conn) error { return pgxRunner{conn}.run(ctx, expired) })
	return last, deleted, err
}

// purgeTraces removes what is past its age beside the checkpoints: the oldest audit entries,
// the samples in a page, and reports. Each statement is a transaction.
func (d *Driver) purgeTraces(ctx context.Context) error {
	age := func(age time.Duration) string { return strconv.Itoa(int(age.Hours())) + " hours" }
	last, _, err := d.purgePage(ctx, d.sql.agedSamples, d.purger.fromSample, age(driver.SampleAge))
	if err != nil {
		return err
	}
	d.purger.fromSample = last
	for _, s := range []*statement{
		{sql: d.sql.agedAudit, args: []any{d.opts.Namespace, age(driver.AuditAge), strconv.Itoa(purgeLimit)}},
		{sql: d.sql.endedReports, args: []any{d.opts.Namespace}},
	} {
		if err := d.on(ctx, func(conn *pgxpool.Conn) error { return pgxRunner{conn}.run(ctx, s) }); err != nil {
			return err
		}
	}
	return nil
}
