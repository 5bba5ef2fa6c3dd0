package storetest_test

import (
	"context"
	"time"
)

type leaseEnds = func(context.Context, []string) (<-chan struct{}, error)

// notifies replaces LeaseEnds. It gets the sound one.
func notifies(replace func(f *faulty, sound leaseEnds) leaseEnds) func(*faulty) {
	return func(f *faulty) { f.leaseEnds = replace(f, f.leaseEnds) }
}

// relayed passes on the values that pass picks, until the sound channel ends.
func relayed(size int, pass func(n int, to chan<- struct{})) func(*faulty) {
	return notifies(func(_ *faulty, sound leaseEnds) leaseEnds {
		return func(ctx context.Context, keys []string) (<-chan struct{}, error) {
			from, err := sound(ctx, keys)
			if err != nil {
				return nil, err
			}
			to := make(chan struct{}, size)
			go func() {
				defer close(to)
				n := 0
				for range from {
					pass(n, to)
					n++
				}
			}()
			return to, nil
		}
	})
}

func offer(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// Who wakes a waiter.
var notifyFaults = []fault{
	{
		"wakes nobody",
		[]string{"notify/release", "notify/raise-fence", "notify/rewind", "notify/many-keys", "notify/slow", "notify/context", "notify/outage"},
		relayed(1, func(n int, to chan<- struct{}) {
			if n == 0 {
				offer(to)
			}
		}),
	},
	{
		"does not say that it listens",
		[]string{"notify/release", "notify/close"},
		relayed(1, func(n int, to chan<- struct{}) {
			if n > 0 {
				offer(to)
			}
		}),
	},
	{
		"wakes a waiter only while it reads",
		[]string{"notify/slow"},
		relayed(0, func(n int, to chan<- struct{}) {
			if n == 0 {
				to <- struct{}{}
			} else {
				offer(to)
			}
		}),
	},
	{
		"listens for the first key alone",
		[]string{"notify/many-keys"},
		notifies(func(_ *faulty, sound leaseEnds) leaseEnds {
			return func(ctx context.Context, keys []string) (<-chan struct{}, error) { return sound(ctx, keys[:1]) }
		}),
	},
	{
		"listens beyond the context",
		[]string{"notify/context"},
		notifies(func(_ *faulty, sound leaseEnds) leaseEnds {
			return func(ctx context.Context, keys []string) (<-chan struct{}, error) {
				return sound(context.WithoutCancel(ctx), keys)
			}
		}),
	},
	{
		"stops listening when any waiter leaves",
		[]string{"notify/context"},
		notifies(func(f *faulty, sound leaseEnds) leaseEnds {
			return func(ctx context.Context, keys []string) (<-chan struct{}, error) {
				context.AfterFunc(ctx, f.end)
				return sound(ctx, keys)
			}
		}),
	},
	{
		"leaves its waiters at Close",
		[]string{"notify/close"},
		func(f *faulty) {
			f.shut = func() error {
				f.closed.Store(true)
				return nil
			}
		},
	},
	{
		"listens after Close",
		[]string{"notify/close"},
		func(f *faulty) {
			f.shut = func() error {
				f.end()
				return nil
			}
		},
	},
	{
		"waits for the engine before it returns",
		[]string{"notify/outage"},
		notifies(func(f *faulty, sound leaseEnds) leaseEnds {
			return func(ctx context.Context, keys []string) (<-chan struct{}, error) {
				for {
					if _, err := f.mem.Get(ctx, nil); err == nil || ctx.Err() != nil {
						return sound(ctx, keys)
					}
					time.Sleep(time.Hour)
				}
			}
		}),
	},
}
