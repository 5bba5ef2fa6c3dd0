package engine

import (
	"context"
	"errors"
	"iter"

	"github.com/checkpointstore/checkpoint/driver"
)

var errReadOnly = errors.New("the store is open for reading only")

// ReadOnly returns a driver that reads from d, and can change nothing: it has none of d's
// abilities to change leases, fences or pauses, and refuses every write.
func ReadOnly(d driver.Driver) driver.Driver { return readOnly{d} }

type readOnly struct{ driver.Driver }

var (
	_ driver.Namer     = readOnly{}
	_ driver.Inspector = readOnly{}
	_ driver.Historian = readOnly{}
	_ driver.Reporter  = readOnly{}
)

func (readOnly) Write(_ context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	for i := range results {
		results[i] = driver.Result{Outcome: driver.Failed, Err: errReadOnly}
	}
	return results, nil
}

func (readOnly) Delete(context.Context, []string) (int, error) { return 0, errReadOnly }

func (readOnly) Report(context.Context, []driver.Report) ([]driver.ReportResult, error) {
	return nil, errReadOnly
}

func (r readOnly) Name() string { return driver.Name(r.Driver) }

func (r readOnly) Inspect(ctx context.Context, keys []string) ([]driver.Cell, error) {
	return driver.Inspect(ctx, r.Driver, keys)
}

func (r readOnly) ScanCells(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Cell, error] {
	return driver.ScanCells(ctx, r.Driver, pattern, pageSize)
}

func (r readOnly) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	return driver.History(ctx, r.Driver, key, n)
}

func (r readOnly) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	return driver.ReportsOf(ctx, r.Driver, keys)
}
