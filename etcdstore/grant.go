package etcdstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// grants are the etcd leases that the changes of one key need.
type grants struct {
	checkpoint, held grant
	renewed          bool   // held is the one that is there, and was renewed
	term             uint64 // the term of the leader that renewed it
	former           []clientv3.LeaseID
}

type grant struct {
	id  clientv3.LeaseID
	ttl time.Duration
	at  time.Time // before it was asked for
}

// maxGrantAge is how long after its grant an etcd lease may still be attached. What is
// attached to it ends sooner by so much.
const maxGrantAge = unit / 4

// drop forgets the etcd leases that were granted: they have ended.
func (g *grants) drop() { *g = grants{former: g.former} }

// unneeded returns the etcd leases that were granted, or were attached before, and are
// not attached to any part of s.
func (g *grants) unneeded(s *state) []clientv3.LeaseID {
	ids := append([]clientv3.LeaseID{g.checkpoint.id, g.held.id}, g.former...)
	return slices.DeleteFunc(ids, func(id clientv3.LeaseID) bool {
		return id == 0 || id == s[checkpointPart].etcdLease || id == s[heldPart].etcdLease
	})
}

// atOnce is how many requests about etcd leases are under way for one flight.
const atOnce = 32

// grantAll grants and renews what the changes of groups need. It returns the groups that
// have it. Another group has failed, or is decided again.
func (d *Driver) grantAll(f *flight, groups []*group) []*group {
	var renewed, granted []*group
	for _, g := range groups {
		g.grants.renewed, g.grants.term = false, 0
		if g.diff.renews(&g.state) {
			renewed = append(renewed, g)
		}
	}
	d.renewAll(f, renewed)
	for _, g := range groups {
		if !g.ended && g.known && (g.diff.checkpointTTL(g.now) != 0 || g.diff.leaseTTL() != 0 && !g.grants.renewed) {
			granted = append(granted, g)
		}
	}
	errs := make([]error, len(granted))
	each(len(granted), func(i int) { errs[i] = d.grant(f.ctx, granted[i]) })
	for i, err := range errs {
		if err != nil {
			d.finish(f, granted[i], d.failure(f.ctx, err))
		}
	}
	return slices.DeleteFunc(slices.Clone(groups), func(g *group) bool { return g.ended || !g.known })
}

// grant grants the etcd leases that g needs and does not have.
func (d *Driver) grant(ctx context.Context, g *group) error {
	if ttl := g.diff.checkpointTTL(g.now); ttl != 0 {
		if err := d.grantOne(ctx, g, &g.grants.checkpoint, ttl); err != nil {
			return err
		}
	}
	if ttl := g.diff.leaseTTL(); ttl != 0 && !g.grants.renewed {
		return d.grantOne(ctx, g, &g.grants.held, ttl)
	}
	return nil
}

func (d *Driver) grantOne(ctx context.Context, g *group, to *grant, ttl time.Duration) error {
	if to.id != 0 && to.ttl == ttl && time.Since(to.at) < maxGrantAge {
		return nil // of a transaction that was refused
	}
	if to.id != 0 {
		g.grants.former = append(g.grants.former, to.id)
		*to = grant{}
	}
	granted, err := d.grantLease(ctx, ttl)
	if err != nil {
		return err
	}
	if *to = granted; to.ttl > ttl {
		d.learn(to.ttl)
		g.known, g.fresh = false, false // it is decided again, by the longer minimum
	}
	return nil
}

func (d *Driver) grantLease(ctx context.Context, ttl time.Duration) (grant, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errNoAnswer)
	defer cancel()
	asked := time.Now()
	resp, err := d.client.Grant(clientv3.WithRequireLeader(ctx), int64(ttl/unit))
	if err != nil {
		return grant{}, because(ctx, err)
	}
	return grant{resp.ID, time.Duration(resp.TTL) * unit, asked}, nil
}

// learn notes that the servers grant no etcd lease that is shorter than ttl.
func (d *Driver) learn(ttl time.Duration) {
	for {
		known := d.minimum.Load()
		if int64(ttl) <= known || d.minimum.CompareAndSwap(known, int64(ttl)) {
			return
		}
	}
}

// How long a renewal waits before it tries another token.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 160 * time.Millisecond
)

// renewAll renews the etcd leases of the leases that groups renew. If one has ended, its
// group is read again.
func (d *Driver) renewAll(f *flight, groups []*group) {
	if len(groups) == 0 {
		return
	}
	streams := min(atOnce/2, len(groups))
	errs := make([]error, len(groups))
	each(streams, func(i int) {
		var mine []int
		for n := i; n < len(groups); n += streams {
			mine = append(mine, n)
		}
		err := d.renewSome(f.ctx, groups, mine, errs)
		// Each stream has a token of its own, which another member may not know yet.
		for pause := firstPause; isAny(err, []error{rpctypes.ErrInvalidAuthToken}) && pause <= lastPause; pause *= 2 {
			time.Sleep(pause)
			err = d.renewSome(f.ctx, groups, mine, errs)
		}
		for _, n := range mine {
			if err != nil && !groups[n].grants.renewed && errs[n] == nil {
				errs[n] = err
			}
		}
	})
	for i, g := range groups {
		switch err := errs[i]; {
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			g.known, g.fresh = false, false
		case err != nil:
			d.finish(f, g, d.failure(f.ctx, err))
		}
	}
}

// renewSome renews the etcd leases of some groups over one stream.
func (d *Driver) renewSome(ctx context.Context, groups []*group, mine []int, errs []error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errNoAnswer)
	defer cancel()
	stream, err := pb.NewLeaseClient(d.client.ActiveConnection()).LeaseKeepAlive(clientv3.WithRequireLeader(ctx))
	if err != nil {
		return because(ctx, err)
	}
	defer stream.CloseSend() //nolint:errcheck // the answers are there
	for _, n := range mine {
		id := int64(groups[n].state[heldPart].etcdLease)
		if err := stream.Send(&pb.LeaseKeepAliveRequest{ID: id}); err != nil {
			break // Recv says why
		}
	}
	for _, n := range mine {
		g := groups[n]
		resp, err := stream.Recv()
		switch {
		case err != nil:
			return because(ctx, err)
		case d.isOwn(resp.Header) != nil:
			return errOtherCluster
		case resp.TTL <= 0:
			errs[n] = rpctypes.ErrLeaseNotFound
		case time.Duration(resp.TTL)*unit >= g.diff.leaseTTL():
			g.grants.renewed, g.grants.term = true, resp.Header.RaftTerm
		}
	}
	return nil
}

// revoke ends etcd leases that nothing is attached to. If it cannot, they end by
// themselves.
func (d *Driver) revoke(ids []clientv3.LeaseID) {
	if len(ids) == 0 {
		return
	}
	const limit = 2 * time.Second // Close waits for it
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	each(len(ids), func(i int) { _, _ = d.client.Revoke(ctx, ids[i]) })
}

// each calls do for 0 to n-1, atOnce at a time.
func each(n int, do func(int)) {
	if n == 1 {
		do(0)
		return
	}
	var wg sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for i := range n {
		free <- struct{}{}
		wg.Go(func() {
			do(i)
			<-free
		})
	}
	wg.Wait()
}
