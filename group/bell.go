package group

import (
	"context"
	"errors"
	"slices"

	"github.com/checkpointstore/checkpoint"
)

// listen makes the bell ring when the lease of a partition ends before its time, if the
// engine can tell.
func (m *member) listen(ctx context.Context) {
	if m.bell != nil && slices.Equal(m.heard, m.partitions) || len(m.partitions) == 0 {
		return
	}
	m.stopListening()
	ctx, m.rung = context.WithCancel(ctx)
	bell, err := m.store.LeaseEnds(ctx, m.keys()...)
	switch {
	case errors.Is(err, checkpoint.ErrUnsupported):
		bell = make(chan struct{}) // it never rings
	case err != nil:
		return // the beat says why
	}
	m.bell, m.heard = bell, slices.Clone(m.partitions)
}

func (m *member) stopListening() {
	if m.rung != nil {
		m.rung()
	}
	m.bell = nil
}
