package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// leave gives the partitions up, and takes the member out of the group.
func (m *member) leave(ctx context.Context) error {
	// The others compute without this member before its leases are free. If they cannot be
	// told, they learn of it when the member's time ends.
	m.self.Leaving = !m.opts.KeepPlace
	m.sign(ctx)
	for _, p := range m.held {
		m.giveUp(p, "the member ends")
	}
	// A consumer that does not end has been told to for twice as long.
	late := time.NewTimer(2*m.opts.DrainPatience + 2*unwinding)
	defer late.Stop()
	for len(m.held) > 0 {
		select {
		case p := <-m.ended:
			_ = m.end(p) // a partition that was to end ends no member
		case <-late.C:
			return m.late()
		}
	}
	if m.opts.KeepPlace {
		m.sign(ctx)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.beatEvery())
	defer cancel()
	if err := m.store.Leave(ctx, m.group, m.self.Name); err != nil {
		m.log.Warn("the member could not leave the group, and ends there by itself", "error", err.Error())
	} else {
		m.log.Info("the member has left")
	}
	return nil
}

// sign gives a last sign of life, unless the store fails anyway.
func (m *member) sign(ctx context.Context) {
	if m.failing || m.seenAt.IsZero() {
		return
	}
	if _, err := m.beat(ctx, m.beatEvery()); err != nil {
		m.log.Warn("the member could not tell the others that it ends", "error", err.Error())
	}
}

func (m *member) late() error {
	var names []string
	for name := range m.held {
		names = append(names, name)
	}
	slices.Sort(names)
	go func() { // what still ends must find a reader
		for range names {
			<-m.ended
		}
	}()
	return fmt.Errorf("group %q: %w: the consumers of %q have not returned: make them watch their contexts", m.group, ErrDrainPatience, names)
}

// ErrDrainPatience is the error of [Run] if a consumer goes on although the member has
// ended.
var ErrDrainPatience = errors.New("the member ends before its consumers do")
