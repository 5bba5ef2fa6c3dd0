package copystore

import (
	"context"
	"errors"
	"sync"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// atOnce is how many histories are copied at the same time.
const atOnce = 16

// adopt brings the audit entries and samples of the items along, for each key of the
// destination that has none. It comes before the writes, which leave entries of their own.
// A store that keeps neither, or that cannot take them over, has none to bring.
func (c *Copy) adopt(ctx context.Context, items []item) error {
	var (
		group   sync.WaitGroup
		tickets = make(chan struct{}, atOnce)
		errs    = make([]error, len(items))
	)
	for n := range items {
		group.Go(func() {
			tickets <- struct{}{}
			defer func() { <-tickets }()
			errs[n] = c.adoptOne(ctx, items[n].from.Key)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func (c *Copy) adoptOne(ctx context.Context, key string) error {
	entries, err := c.From.History(ctx, key, driver.AuditEntries)
	if err != nil && !errors.Is(err, checkpoint.ErrUnsupported) {
		return &SourceError{err}
	}
	samples, err := c.From.Samples(ctx, key)
	if err != nil && !errors.Is(err, checkpoint.ErrUnsupported) {
		return &SourceError{err}
	}
	if len(entries)+len(samples) == 0 {
		return nil
	}
	if err := c.To.Adopt(ctx, key, entries, samples); !errors.Is(err, checkpoint.ErrUnsupported) {
		return err
	}
	return nil
}
