package etcd

import (
	"errors"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// lose has etcd make the next n changes, and loses the answers: the client gets err.
func (l *line) lose(n int, err error) {
	l.answers(func(_ string, req any) error {
		if n > 0 && changes(req) {
			n--
			return err
		}
		return nil
	})
}

// An answer that is lost: a client cannot know whether the change was made. One that
// etcd gives although it has made the change: the first that meets the quota.
var lostAnswers = map[string]error{
	"lost": rpctypes.ErrGRPCTimeoutDueToConnectionLost, "leader": rpctypes.ErrGRPCLeaderChanged, "no space": rpctypes.ErrGRPCNoSpace,
}

func TestLostAnswerIsUnknownAndNotSentAgain(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	for name, lost := range lostAnswers {
		t.Run(name, func(t *testing.T) {
			var l line
			d := openEmpty(t, cluster, l.on)
			gets(t, d, driver.Advanced, write(driver.Set, "k", 1), write(driver.Set, "other", 1))
			for commit, mode := range map[uint64]driver.Mode{2: driver.Set, 3: driver.Rewind, 10: driver.IfNewer} {
				l.lose(1, lost)
				sent := l.during(func() {
					for _, r := range writes(t, d, write(mode, "k", commit), write(mode, "other", commit)) {
						if r.Outcome != driver.Unknown || r.Err == nil || driver.Hint(r.Err) == "" || errors.Is(r.Err, driver.ErrNotFound) {
							t.Errorf("mode %d: %v, %v, hint %q, want Unknown with a remedy", mode, r.Outcome, r.Err, driver.Hint(r.Err))
						}
					}
				})
				if sent["Txn"] > 2 { // one that reads both, once they are not remembered
					t.Errorf("mode %d: %v, want no change sent twice", mode, sent)
				}
				if p := position(t, d, "k"); p != commit {
					t.Errorf("mode %d: the position is %d, want %d: the test has lost more than an answer", mode, p, commit)
				}
				gets(t, d, driver.Advanced, write(driver.Set, "k", 9), write(driver.Set, "other", 9))
			}
		})
	}
}

// An owner whose answer was lost acquires again, and locks its former self out.
func TestLostAnswerOfAcquire(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	asked := []driver.Lease{{Key: "k", Owner: "a", TTL: 1000 * time.Second}}
	l.lose(1, rpctypes.ErrGRPCLeaderChanged)
	if _, err := driver.One(d.Acquire(t.Context(), asked)); err == nil || errors.Is(err, driver.ErrLeaseHeld) || errors.Is(err, driver.ErrFenced) {
		t.Fatalf("Acquire whose answer is lost: %v", err)
	}
	lease, err := driver.One(d.Acquire(t.Context(), asked))
	if err != nil || lease.Epoch != 2 {
		t.Fatalf("the next Acquire: %+v, %v, want epoch 2", lease, err)
	}
}

// Others may renew a lease, or end it, before a renewal is sent again. So it is not: its
// second answer might deny what others have seen. Nobody sees a second release.
func TestLostAnswerOfRenewAndRelease(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	lease := acquire(t, d, "a", 1000*time.Second)
	time.Sleep(2 * time.Millisecond) // a renewal within the same millisecond has nothing to store
	other := open(t, cluster, d.prefix)
	l.answers(func(_ string, req any) error {
		if !changes(req) {
			return nil
		}
		l.change = nil
		if _, err := other.RaiseFence(t.Context(), "k", 0); err != nil {
			t.Error(err)
		}
		return rpctypes.ErrGRPCLeaderChanged
	})
	if _, err := driver.One(d.Renew(t.Context(), []driver.Lease{lease})); errors.Is(err, driver.ErrFenced) || driver.Hint(err) == "" {
		t.Errorf("Renew that is made, and whose answer is lost: %v, want that this is not known", err)
	}
	lease = acquire(t, d, "a", 1000*time.Second)
	l.lose(1, rpctypes.ErrGRPCLeaderChanged)
	if _, err := driver.One(d.Release(t.Context(), []driver.Lease{lease})); err != nil {
		t.Errorf("Release whose answer is lost, and which is sent again: %v", err)
	}
}
