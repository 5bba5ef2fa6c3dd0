package redisstore

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// scanSteps are the SCANs of one server, on one connection: a cursor means
// nothing to another process than the one that gave it out, which a new
// connection could lead to.
type scanSteps struct {
	conn  *redis.Conn
	match string
	count int

	busy   sync.Mutex // held while conn is in use, also when nobody waits for that any more
	closed bool       // only while busy is held
}

// A scanStep is one SCAN that is under way.
type scanStep struct {
	cmd  *redis.ScanCmd
	done chan error
}

func (s *scanSteps) start(ctx context.Context, cursor uint64) *scanStep {
	step := &scanStep{
		cmd:  redis.NewScanCmd(ctx, nil, "scan", cursor, "match", s.match, "count", s.count),
		done: make(chan error, 1),
	}
	go func() {
		s.busy.Lock()
		defer s.busy.Unlock()
		if !s.closed {
			step.done <- closed(s.conn.Process(ctx, step.cmd))
		}
	}()
	return step
}

// wait returns the keys and the next cursor, or an error when ctx ends.
func (s *scanStep) wait(ctx context.Context) ([]string, uint64, error) {
	select {
	case err := <-s.done:
		keys, cursor := s.cmd.Val()
		return keys, cursor, err
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
}

// stop closes the connection once no step is under way, and waits for that
// unless ctx ends: walks that are left early must not pile up on the server.
func (s *scanSteps) stop(ctx context.Context) {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.busy.Lock()
		defer s.busy.Unlock()
		_ = s.conn.Close()
		s.closed = true
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
	}
}
