package failover

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/keeper"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A follower connects to whatever server is the master at the moment.
type follower struct {
	master atomic.Pointer[redistest.Server]
}

func (f *follower) client() redis.UniversalClient {
	return redis.NewClient(&redis.Options{
		Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, f.master.Load().Addr())
		},
		DialerRetries: 1,
	})
}

// promote kills the master, and puts a replica that was down, and comes up with
// what it had on its disk, in its place.
func (f *follower) promote(replica *redistest.Server) {
	f.master.Load().Kill()
	replica.Restart()
	replica.Do("REPLICAOF", "NO", "ONE")
	f.master.Store(replica)
}

// A replica that lags may be the one that is promoted. Redis promises no more
// than that so many replicas have a write, not that the next master is of them.
func TestOneReplicaOfTwoIsNotEnough(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	lags := redistest.StartReplica(t, master)
	f := new(follower)
	f.master.Store(master)
	one, all := storeOver(t, f.client(), 1), storeOver(t, f.client(), 2)
	at := checkpoint.Position{Commit: 1}
	// A new replica takes its time until it acknowledges anything.
	until(t, "both replicas have a write", func() bool { return all.Set(t.Context(), "early", at) == nil })
	lags.Do("SAVE")
	lags.Kill()
	until(t, "one replica has a write", func() bool { return one.Set(t.Context(), "one", at) == nil })
	// On a slow machine the other replica may not have it in time, either.
	until(t, "a write that waits for both replicas says that one has it", func() bool {
		err := all.Set(t.Context(), "all", at)
		if err == nil {
			t.Fatal("a write that waits for both replicas was acknowledged with one")
		}
		return strings.Contains(err.Error(), "only 1 of 2 replicas have it")
	})
	f.promote(lags)
	for key, want := range map[string]bool{"early": true, "one": false, "all": false} {
		if there, err := one.Exists(t.Context(), key); err != nil || there != want {
			t.Errorf("after the failover %q is there: %v, %v; want %v", key, there, err, want)
		}
	}
}

// A failover that has lost a grant lets the next owner get the same epoch. Both
// write with it, and neither is fenced. No event may be skipped even so.
func TestEpochGrantedTwiceSkipsNothing(t *testing.T) {
	t.Run("the former owner is ahead", func(t *testing.T) {
		t.Parallel()
		p := loseGrant(t)
		p.work(p.former, 21, 25)
		p.stored(p.former, 25)
		p.work(p.next, 11, 15)
		until(t, "the next owner has noticed", func() bool { return p.next.Err() != nil })
		if err := p.next.Err(); !errors.Is(err, subscription.ErrOvertaken) {
			t.Errorf("the next owner ended with %v", err)
		}
		p.finish(25)
	})
	t.Run("the former owner has work in hand", func(t *testing.T) {
		t.Parallel()
		p := loseGrant(t)
		// It is never done, and what comes after it must not count.
		if _, err := p.former.Track(t.Context(), position(21)); err != nil {
			t.Fatal(err)
		}
		p.work(p.former, 22, 30)
		p.work(p.next, 11, 15)
		p.stored(p.next, 15)
		// What its own Keeper does a third of a TTL after the grant.
		again, err := keeper.New(p.store).Add(checkpoint.Lease{
			Key: p.key, Owner: "former", Epoch: p.former.Epoch(), TTL: leaseTTL,
		}, time.Now().Add(-leaseTTL/3))
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the former owner's renewal is answered", func() bool { return again.Context().Err() != nil })
		if err := context.Cause(again.Context()); !errors.Is(err, subscription.ErrLeaseLost) || !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("the former owner's lease ended with %v", err)
		}
		p.finish(15)
	})
}

// leaseTTL is so long that no Keeper renews a lease before the test is done: on the new
// master, the former owner's renewal ends it.
const leaseTTL = time.Minute

// A pair is two owners with the same epoch.
type pair struct {
	*consumer
	store        *checkpoint.Store
	former, next *subscription.Subscription
}

// loseGrant makes a pair: events 1 to 20 have been handled, the last ten by the
// former owner, whose lease and checkpoint the new master does not know.
func loseGrant(t *testing.T) *pair {
	t.Helper()
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	f := new(follower)
	f.master.Store(master)
	p := &pair{
		consumer: &consumer{t: t, key: "orders", handled: make(map[event]bool)},
		store:    storeOver(t, f.client(), 0),
	}
	seed := p.open("seed")
	p.work(seed, 1, 10)
	if err := seed.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	asked := admin(t, replica)
	until(t, "the replica has the seed", func() bool {
		fence := "prod:checkpoint-fence:{prod:checkpoint:orders}"
		return ask(t, asked, "hget", "prod:checkpoint:orders", "commit") == "10" && ask(t, asked, "hget", fence, "owner") == ""
	})
	replica.Do("SAVE")
	replica.Kill()

	p.former = p.open("former")
	p.work(p.former, 11, 20)
	p.stored(p.former, 20)
	f.promote(replica)
	p.next = p.open("next")
	if p.former.Epoch() != p.next.Epoch() {
		t.Fatalf("the leases have the epochs %d and %d: no grant was lost", p.former.Epoch(), p.next.Epoch())
	}
	if at, _ := p.next.Resume(); at.Commit != 10 {
		t.Errorf("after the failover the checkpoint is at %d, want 10", at.Commit)
	}
	return p
}

// open opens a subscription, also where the master has just changed.
func (p *pair) open(owner string) *subscription.Subscription {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; pause(p.t.Context(), 10*time.Millisecond) {
		s, err := subscription.Open(p.t.Context(), p.store, p.key, &subscription.Options{
			Missing: subscription.FromStart, FlushAfter: 5 * time.Millisecond,
			Lease: &subscription.Lease{Owner: owner, TTL: leaseTTL, Wait: true},
		})
		if err == nil {
			p.resumes(s)
			return s
		}
		if time.Now().After(deadline) {
			p.t.Fatal(err)
		}
	}
}

// work handles events, until the subscription ends.
func (p *pair) work(s *subscription.Subscription, from, to event) {
	p.t.Helper()
	for e := from; e <= to; e++ {
		w, err := s.Track(p.t.Context(), position(e))
		if err != nil {
			return
		}
		p.handle(e)
		w.Done()
		p.holds(p.store)
	}
}

func (p *pair) stored(s *subscription.Subscription, e event) {
	p.t.Helper()
	until(p.t, "the position is stored", func() bool { return s.Stats().Stored.Commit >= e })
}

// finish closes both, and lets a third go on from where the checkpoint must be.
func (p *pair) finish(at event) {
	p.t.Helper()
	_ = p.former.Close(p.t.Context())
	_ = p.next.Close(p.t.Context())
	last := p.open("last")
	if from, _ := last.Resume(); from.Commit != at {
		p.t.Errorf("the next run resumes at %d, want %d", from.Commit, at)
	}
	p.work(last, at+1, 40)
	if err := last.Close(p.t.Context()); err != nil {
		p.t.Error(err)
	}
	if got := p.holds(p.store); got != 40 || p.all != 40 {
		p.t.Errorf("at the end the checkpoint is at %d, and all up to %d is handled; want 40", got, p.all)
	}
}
