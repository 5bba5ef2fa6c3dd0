package checkpoint

import (
	"context"
	"fmt"

	"github.com/checkpointstore/checkpoint/driver"
)

// LeaseEnds returns a channel that receives a value when the lease on one of keys may
// have ended before its time: after a Release, Revoke, Fence or Rewind of any client. A
// value is only a hint. It may be lost, and it may come although no lease has ended. So
// ask for the lease after each value, and from time to time without a value, too.
//
// The channel also receives a value each time the store begins to listen: a lease may
// have ended while the store did not listen. The store closes the channel when ctx ends,
// when the store is closed, or when it cannot listen. If the engine cannot tell when a
// lease ends, the error is [ErrUnsupported].
func (s *Store) LeaseEnds(ctx context.Context, keys ...string) (<-chan struct{}, error) {
	c := call{Call: Call{Op: opLeaseEnds, Size: len(keys)}}
	ctx = s.begin(ctx, &c)
	ends, err := s.leaseEnds(ctx, keys)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: countIf(err == nil), Err: err})
	return ends, err
}

func (s *Store) leaseEnds(ctx context.Context, keys []string) (<-chan struct{}, error) {
	for _, key := range keys {
		if err := ValidateKey(key); err != nil {
			return nil, fmt.Errorf("%q: %w", key, err)
		}
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	return driver.LeaseEnds(ctx, s.driver, keys)
}
