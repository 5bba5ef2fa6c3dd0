package etcdstore

import (
	"context"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.Reporter = (*Driver)(nil)

type reportJSON struct {
	Text      string `json:"text"`
	At        stamp  `json:"at"`
	ExpiresAt stamp  `json:"expiresAt,omitzero"`
}

// A told report is one that is to be stored, and its answer.
type told struct {
	driver.Report
	name   string
	answer driver.ReportResult
}

// reportFolder returns what stands before the names of the instances of key. The name of
// its notice is empty.
func (d *Driver) reportFolder(key string) string { return d.folder("reports/", key) }

// Report implements [driver.Reporter]. If an answer is lost, the driver does not send the
// reports again: a notice that is sent twice could replace a later one.
func (d *Driver) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	byName := make(map[string]*told)
	var all []*told
	mine := make([]*told, len(reports))
	for i, r := range reports {
		name := d.reportFolder(r.Key) + r.Instance
		if byName[name] == nil {
			byName[name] = &told{name: name}
			all = append(all, byName[name])
		}
		byName[name].Report = r // etcd changes no key twice in a transaction
		mine[i] = byName[name]
	}
	chunks := slices.Collect(slices.Chunk(all, maxReads/2)) // a change and a read for each
	each(len(chunks), func(i int) { d.tell(ctx, chunks[i]) })
	results := make([]driver.ReportResult, len(reports))
	for i, t := range mine {
		results[i] = t.answer
	}
	return results, nil
}

// tell stores reports in one transaction. If one of them may be refused alone, it stores
// each by itself.
func (d *Driver) tell(ctx context.Context, reports []*told) {
	err := d.tellOnce(ctx, reports)
	if isLeaseGone(err) {
		d.terms.forget()
		err = d.tellOnce(ctx, reports)
	}
	switch {
	case err == nil:
	case len(reports) > 1 && isOfOneKey(err):
		for i := range reports {
			d.tell(ctx, reports[i:i+1])
		}
	default:
		err = d.failure(ctx, err)
		for _, t := range reports {
			t.answer = driver.ReportResult{Err: err}
		}
	}
}

func (d *Driver) tellOnce(ctx context.Context, reports []*told) error {
	var ops []clientv3.Op
	for _, t := range reports {
		if t.Text == "" {
			ops = append(ops, clientv3.OpDelete(t.name))
			continue
		}
		lasts, err := d.term(ctx, t.TTL)
		if err != nil {
			return err
		}
		data := encode(reportJSON{t.Text, stamp(time.Now()), stamp(lasts.ends)})
		ops = append(ops, clientv3.OpPut(t.name, string(data), clientv3.WithLease(lasts.id)))
	}
	for _, t := range reports {
		ops = append(ops, clientv3.OpGet(d.reportFolder(t.Key)))
	}
	resp, err := d.commit(ctx, clientv3.OpTxn(nil, ops, nil), patience)
	if err != nil {
		return err
	}
	for i, t := range reports {
		t.answer = driver.ReportResult{}
		if kvs := resp.Responses[len(reports)+i].GetResponseRange().Kvs; len(kvs) > 0 {
			t.answer.Notice = decodeReport(kvs[0]).Text
		}
	}
	return nil
}

// Reports implements [driver.Reporter].
func (d *Driver) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	ops := make([]clientv3.Op, len(keys))
	for i, key := range keys {
		ops[i] = clientv3.OpGet(d.reportFolder(key), clientv3.WithPrefix())
	}
	found, err := d.read(ctx, ops)
	if err != nil {
		return nil, d.failure(ctx, err)
	}
	now := time.Now()
	reports := make([][]driver.Report, len(keys))
	for i, key := range keys {
		for _, kv := range found[i] {
			r := decodeReport(kv)
			r.Key, r.Instance = key, string(kv.Key[len(d.reportFolder(key)):])
			if !r.ExpiresAt.IsZero() {
				r.ExpiresAt = after(r.ExpiresAt, now) // what is there has not ended
			}
			reports[i] = append(reports[i], r)
		}
	}
	return reports, nil
}

// decodeReport returns the report that kv holds. The text of a damaged one says so, and is
// never empty: nobody takes a damaged notice for none.
func decodeReport(kv *mvccpb.KeyValue) driver.Report {
	var stored reportJSON
	if err := decode(kv.Value, &stored); err != nil || stored.Text == "" {
		return driver.DamagedReport("", "", "the etcd key %q holds %s", kv.Key, quote(kv.Value))
	}
	return driver.Report{Text: stored.Text, At: time.Time(stored.At), ExpiresAt: time.Time(stored.ExpiresAt)}
}
