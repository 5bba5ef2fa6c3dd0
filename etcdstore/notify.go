package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.Notifier = (*Driver)(nil)

// Pauses before a new stream listens. Each is twice the one before it.
const firstListen, lastListen = 250 * time.Millisecond, 10 * time.Second

// LeaseEnds implements [driver.Notifier]. All waiters share one stream, which is open
// only while somebody waits.
func (d *Driver) LeaseEnds(ctx context.Context, keys []string) (<-chan struct{}, error) {
	return d.waiters.Add(ctx, keys)
}

var errNotNotified = fmt.Errorf("%w: etcdstore: etcd refuses to watch the prefix: see the log for the remedy", driver.ErrUnsupported)

// listen listens until ctx ends, or until etcd refuses.
func (d *Driver) listen(ctx context.Context, w *driver.Waiters) error {
	for pause := firstListen; ; pause = min(2*pause, lastListen) {
		began := time.Now()
		if err := d.watch(ctx, w); ctx.Err() == nil && errors.Is(err, rpctypes.ErrPermissionDenied) {
			d.log.Warn("etcdstore: a standby is not woken when a lease ends early, because etcd refuses to watch, "+
				"and asks at intervals only: let the role of the user read the prefix", "error", err.Error(), "prefix", d.prefix)
			return errNotNotified
		}
		if time.Since(began) > lastListen {
			pause = firstListen
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// watched are the parts to watch, with the events that may not end a lease.
var watched = [...]struct {
	part part
	not  pb.WatchCreateRequest_FilterType
}{
	{heldPart, pb.WatchCreateRequest_NOPUT},
	{fencePart, pb.WatchCreateRequest_NODELETE}, // a Rewind leaves the rest of the lease
}

// watch listens over one stream, and returns why the stream ended. The client's own
// Watch would not say when it has connected again.
func (d *Driver) watch(ctx context.Context, w *driver.Waiters) error {
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	stream, err := pb.NewWatchClient(d.client.ActiveConnection()).Watch(clientv3.WithRequireLeader(ctx))
	if err != nil {
		return because(ctx, err)
	}
	for i, what := range watched {
		folder := d.etcdKey(what.part, "")
		request := &pb.WatchCreateRequest{
			Key: []byte(folder), RangeEnd: []byte(clientv3.GetPrefixRangeEnd(folder)), WatchId: int64(i + 1),
			Filters: []pb.WatchCreateRequest_FilterType{what.not},
		}
		err := stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: request}})
		if err != nil {
			break // Recv says why
		}
	}
	for range watched {
		if err := d.hear(ctx, stream, w); err != nil {
			return err
		}
	}
	come, _ := w.Diff(true)
	heard(w, come)
	following.Go(func() { d.follow(ctx, w) })
	for {
		if err := d.hear(ctx, stream, w); err != nil {
			return err
		}
	}
}

// follow says of each key that is new that the stream covers it: it covers all keys.
func (d *Driver) follow(ctx context.Context, w *driver.Waiters) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.Changed():
			come, _ := w.Diff(false)
			heard(w, come)
		}
	}
}

func heard(w *driver.Waiters, keys []string) {
	for _, key := range keys {
		w.Heard(key)
	}
}

// hear receives once, and wakes who waits.
func (d *Driver) hear(ctx context.Context, stream pb.Watch_WatchClient, w *driver.Waiters) error {
	resp, err := stream.Recv()
	if err != nil {
		return because(ctx, err)
	}
	if resp.Canceled {
		if strings.Contains(resp.CancelReason, rpctypes.ErrorDesc(rpctypes.ErrGRPCPermissionDenied)) {
			return rpctypes.ErrPermissionDenied
		}
		return fmt.Errorf("etcdstore: etcd has ended the watch: %s", resp.CancelReason)
	}
	for _, e := range resp.Events {
		for _, what := range watched {
			if key, ok := strings.CutPrefix(string(e.Kv.Key), d.etcdKey(what.part, "")); ok {
				w.Wake(key)
			}
		}
	}
	return nil
}
