package storetest

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint/driver"
)

// An ability is optional for a driver. If the driver lacks it, a case only
// checks that the error says so.
type ability struct {
	name string
	has  func(driver.Driver) bool
	ask  func(context.Context, driver.Driver) error
	err  error // what ask answers without the ability
}

var (
	leasing = &ability{
		name: "leases",
		has:  implements[driver.Leaser],
		ask: func(ctx context.Context, d driver.Driver) error {
			_, err := driver.Acquire(ctx, d, nil)
			return err
		},
		err: driver.ErrNoLeases,
	}
	inspecting = &ability{
		name: "Inspect",
		has:  implements[driver.Inspector],
		ask: func(ctx context.Context, d driver.Driver) error {
			_, err := driver.Inspect(ctx, d, nil)
			return err
		},
		err: driver.ErrUnsupported,
	}
	fencing = &ability{
		name: "RaiseFence",
		has:  implements[driver.Fencer],
		ask: func(_ context.Context, d driver.Driver) error {
			_, err := driver.Fences(d)
			return err
		},
		err: driver.ErrUnsupported,
	}
)

func implements[A any](d driver.Driver) bool {
	_, ok := d.(A)
	return ok
}

// lacks reports whether the driver lacks the ability. If it does, lacks also
// checks that the error says so.
func (c *client) lacks(a *ability) bool {
	c.Helper()
	if a == nil || a.has(c.driver) {
		return false
	}
	if err := a.ask(c.ctx, c.driver); !errors.Is(err, a.err) {
		c.Fatalf("the driver has no %s, and the error is %v, want one that wraps: %v", a.name, err, a.err)
	}
	c.Logf("the driver has no %s", a.name)
	return true
}
