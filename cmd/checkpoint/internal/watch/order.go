package watch

import "github.com/checkpointstore/checkpoint"

// An Order is an operator's order to a group, and what has become of it.
type Order struct {
	checkpoint.GroupOrder

	State OrderState
	Why   string // it waits
}

// An OrderState says what has become of an order.
type OrderState string

// The states of an order.
const (
	OrderDone    OrderState = "done"    // it is as the order wants
	OrderMoving  OrderState = "moving"  // partitions move
	OrderWaits   OrderState = "waits"   // for a member or a partition
	OrderDamaged OrderState = "damaged" // it cannot be read
)

// order says what has become of an order. The members and the partitions are known.
func (g *Group) order(o checkpoint.GroupOrder) Order {
	state, why := OrderDone, ""
	switch {
	case o.Err != nil:
		state, why = OrderDamaged, o.Err.Error()
	case o.Drain != "":
		if m := g.Member(o.Drain); m == nil {
			state, why = OrderWaits, "the member does not live"
		} else if len(m.Holds) > 0 {
			state = OrderMoving
		}
	default:
		if why = g.pinWaits(o.Pin, o.To); why != "" {
			state = OrderWaits
		} else if g.Partition(o.Pin).Holder() != o.To {
			state = OrderMoving
		}
	}
	return Order{o, state, why}
}

// pinWaits says why a pin has no effect yet, or "".
func (g *Group) pinWaits(partition, to string) string {
	switch m := g.Member(to); {
	case m == nil:
		return "the member does not live"
	case !m.Able():
		return "the member is " + string(m.State)
	case g.Partition(partition) == nil:
		return "no such partition is known"
	}
	return ""
}
