package checkpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A GroupOrder is what an operator wants of a group, until the order is withdrawn. It
// either drains a member or pins a partition.
type GroupOrder struct {
	Drain string `json:"drain,omitempty"` // the member that shall hold no partition

	// Pin is the partition that the member To shall hold while it lives.
	Pin string `json:"pin,omitempty"`
	To  string `json:"to,omitempty"`

	Actor  string    `json:"actor,omitempty"`  // who gives the order: see [WithBy]
	Reason string    `json:"reason,omitempty"` // and why
	At     time.Time `json:"-"`                // when, by the engine's clock

	// Err says why the order cannot be read. Then only At is set besides.
	Err error `json:"-"`
}

// OrderGroup gives an order to a group. It replaces an earlier order about the same
// member or partition. The context says who gives it, and why: see [WithBy]. OrderGroup
// ignores o.Actor and o.Reason. The members follow the order from their next beat on. The
// member that the order names need not live.
func (s *Store) OrderGroup(ctx context.Context, group string, o GroupOrder) error {
	by := driver.ByOf(ctx)
	o.Actor, o.Reason = by.Actor, by.Reason
	return s.order(ctx, opOrderGroup, group, o, true)
}

// WithdrawOrder ends the order about the same member or partition. If there is none,
// WithdrawOrder does nothing.
func (s *Store) WithdrawOrder(ctx context.Context, group string, o GroupOrder) error {
	return s.order(ctx, opWithdrawOrder, group, o, false)
}

func (s *Store) order(ctx context.Context, op, group string, o GroupOrder, stands bool) error {
	err := errors.Join(validateGroup(group), o.check(stands))
	r := driver.Report{Key: ordersOf(group), Instance: o.name()}
	if err == nil && stands {
		r.Text, err = encode(o)
	}
	_, err = s.report(ctx, op, group, r, err)
	return err
}

func (o *GroupOrder) check(stands bool) error {
	switch {
	case (o.Drain == "") == (o.Pin == ""):
		return errors.New("an order drains a member or pins a partition: give it one of both")
	case o.Drain != "":
		return validateInstance(o.Drain)
	case stands:
		if err := validateInstance(o.To); err != nil {
			return err
		}
	}
	return ValidateKey(o.Pin)
}

// name is the instance of the order's report: the same for the same subject.
func (o *GroupOrder) name() string {
	if o.Drain != "" {
		return "drain " + digest(o.Drain)
	}
	return "pin " + digest(o.Pin)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// ordersFrom reads the orders of a group.
func ordersFrom(reports []driver.Report) []GroupOrder {
	orders := make([]GroupOrder, len(reports))
	for i, r := range reports {
		o := &orders[i]
		if err := json.Unmarshal([]byte(r.Text), o); err != nil {
			*o = GroupOrder{Err: fmt.Errorf("an order to the group cannot be read: %w", err)}
		}
		o.At = r.At
	}
	return orders
}
