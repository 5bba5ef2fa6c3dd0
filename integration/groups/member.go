package groups

import (
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/integration/internal/records"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A member is one process of the group.
type member struct {
	task
	store   *checkpoint.Store
	records *records.Writer
	model   *model
	breaks  saboteur
}

func (m *member) add(r record) error {
	if r.At == 0 {
		r.At = now()
	}
	return m.records.Add(r)
}

// consume handles the events of a partition.
func (m *member) consume(ctx context.Context, name string, s *subscription.Subscription) error {
	p, err := strconv.Atoi(name)
	if err != nil {
		return err
	}
	from, _ := s.Resume()
	n, err := eventAt(from)
	if err != nil {
		return err
	}
	m.model.take(p, s.Epoch())
	if err := m.add(record{What: granted, Partition: p, Epoch: s.Epoch(), Event: n}); err != nil {
		return err
	}
	n += m.breaks.skips
	if m.breaks.deaf {
		return m.neverEnd(p, s.Epoch(), n)
	}
	read := func(ctx context.Context) iter.Seq2[event, error] { return m.Log.after(ctx, n) }
	err = subscription.Run(ctx, s, read, subscription.Handler[event]{
		Position: event.position,
		Handle:   func(ctx context.Context, n event) error { return m.handle(ctx, p, s.Epoch(), n) },
	})
	why := asked
	if err != nil || s.Err() != nil || ctx.Err() == nil {
		why = errors.Join(errors.New("Run"), err, s.Err()).Error()
	}
	if err := m.add(record{What: ended, Partition: p, Epoch: s.Epoch(), Why: why}); err != nil {
		return err
	}
	if errors.Is(err, subscription.ErrLeaseLost) {
		m.writeLate(name, s)
	}
	return err
}

// handle does the work of an event, and changes the read model.
func (m *member) handle(ctx context.Context, p int, epoch uint64, n event) error {
	if rand.N(2) == 0 {
		ctx = context.Background() // cannot be called off
	}
	if !pause(ctx, rand.N(m.Work)) {
		return ctx.Err()
	}
	r := record{At: now(), What: handled, Partition: p, Epoch: epoch, Event: n}
	guard := epoch
	if m.breaks.unguarded {
		guard = math.MaxUint32
	}
	if !m.model.apply(p, guard, n) {
		r.What = refused
		return errors.Join(m.add(r), checkpoint.ErrFenced)
	}
	return m.add(r)
}

// writeLate writes once more with the epoch of a lease that is lost.
func (m *member) writeLate(name string, s *subscription.Subscription) {
	ctx, cancel := context.WithTimeout(context.Background(), m.TTL)
	defer cancel()
	// CallEnd records what comes of it.
	_, _ = m.store.SetIfNewer(ctx, group.Key(groupName, name), s.Stats().LowWatermark, checkpoint.Epoch(s.Epoch()))
}

// CallEnd records what the store has answered.
func (m *member) CallEnd(_ context.Context, call checkpoint.Call, result checkpoint.CallResult) {
	if call.Op == "beat" && result.Err != nil {
		_ = m.add(record{What: mute, Why: result.Err.Error()})
	}
	p, ok := partitionOf(call.Key)
	if !ok {
		return
	}
	r := record{At: now().add(-result.Duration), Partition: p}
	switch {
	case call.Op == "release" && result.Err == nil:
		r.What = released
	case call.Op == "setIfNewer":
		n, err := eventAt(call.Write.Position)
		r.What, r.Epoch, r.Event = stored, call.Write.Epoch, n
		switch {
		case errors.Is(result.Err, checkpoint.ErrFenced):
			r.What = fenced
		case result.Err != nil || err != nil:
			r.What, r.Why = failing, errors.Join(result.Err, err).Error()
		case result.Outcome != checkpoint.Advanced:
			return
		}
	default:
		return
	}
	_ = m.add(r)
}

// A pulse that comes late by mostLate shows that the process did not run.
const (
	pulses   = 10 * time.Millisecond
	mostLate = 50 * time.Millisecond
)

// pulse records when the process did not run.
func (m *member) pulse() {
	for last := now(); ; {
		time.Sleep(pulses)
		at := now()
		if at.since(last) > pulses+mostLate {
			_ = m.add(record{At: last, What: stalled, Until: at})
		}
		last = at
	}
}
