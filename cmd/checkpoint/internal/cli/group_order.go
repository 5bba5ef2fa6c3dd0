package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

func (a *app) groupDrain() *cobra.Command {
	return a.orderCommand(orderCommand{
		use: "drain GROUP MEMBER", audited: true, do: a.drain,
		short: "Take all partitions away from a member, and keep it in the group",
		long: `Asks MEMBER of GROUP to give its partitions up. It hears of that with its next sign of
life, which it gives three times in the group's TTL. Then it reads no more, finishes the
events in work, and releases the leases. The other members take the partitions over. If
there is no other active member, the partitions stay free, and the command warns.

The member stays in the group without partitions until "checkpoint group undrain". The
order also holds for a MEMBER of this name that joins later. "checkpoint group describe"
shows it, who gave it, and why.`,
		example: `  checkpoint group drain orders host-1 --reason "INC-7: host-1 gets a new disk"`,
	})
}

func (a *app) groupUndrain() *cobra.Command {
	return a.orderCommand(orderCommand{
		use: "undrain GROUP MEMBER", do: a.withdrawDrain,
		short:   "Let a drained member get partitions again",
		long:    `Withdraws the order that drains MEMBER of GROUP. The exit code is 3 if there is none.`,
		example: `  checkpoint group undrain orders host-1`,
	})
}

func (a *app) groupPin() *cobra.Command {
	return a.orderCommand(orderCommand{
		use: "pin GROUP PARTITION MEMBER", audited: true, do: a.pin,
		short: "Make a member hold a partition while the member lives",
		long: `Asks the members of GROUP to let MEMBER hold PARTITION, as long as MEMBER lives and is not
drained. Otherwise the partition goes to another member. It moves in good order, as in
"checkpoint group drain". The order replaces an earlier one about PARTITION, and stays
until "checkpoint group unpin". A group with an Assign of its own may ignore it.`,
		example: `  checkpoint group pin orders 7 host-1 --reason "host-1 has the memory for it"`,
	})
}

func (a *app) groupUnpin() *cobra.Command {
	return a.orderCommand(orderCommand{
		use: "unpin GROUP PARTITION", do: a.withdrawPin,
		short:   "Let any member hold a partition again",
		long:    `Withdraws the order that pins PARTITION of GROUP. The exit code is 3 if there is none.`,
		example: `  checkpoint group unpin orders 7`,
	})
}

// An orderCommand gives an order to a group, or withdraws it.
type orderCommand struct {
	use, short, long, example string

	audited bool
	do      func(ctx context.Context, store *checkpoint.Store, g *watch.Group, args []string) error
}

func (a *app) orderCommand(c orderCommand) *cobra.Command {
	return &cobra.Command{
		Use: c.use, Short: c.short, Long: c.long, Example: c.example,
		Args:              keyArgs(cobra.ExactArgs(strings.Count(c.use, " ")), 1),
		ValidArgsFunction: a.completeGroup,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{audited: c.audited, walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				g, found, err := watch.Rules{}.Group(ctx, store, args[0])
				if err != nil {
					return err
				}
				if !found && c.audited {
					a.note("there is no group %q yet: check the name; `checkpoint group list` prints the groups", g.Name)
				}
				return c.do(ctx, store, &g, args[1:])
			})
		},
	}
}

func (a *app) drain(ctx context.Context, store *checkpoint.Store, g *watch.Group, args []string) error {
	name := args[0]
	if err := store.OrderGroup(ctx, g.Name, checkpoint.GroupOrder{Drain: name}); err != nil {
		return a.changeError(err, changed, byGroup)
	}
	m := g.Member(name)
	if m == nil {
		a.note("no member %q of %q lives: check the name; the order holds if the member joins, until `checkpoint group undrain`", name, g.Name)
		return nil
	}
	others := 0
	for i := range g.Members {
		if o := &g.Members[i]; o.Name != name && o.Able() {
			others++
		}
	}
	held := counted(len(m.Holds), "partition", "partitions")
	switch {
	case len(m.Holds) == 0 && others > 0:
		a.note("%q of %q is drained: it holds no partition, and gets none", name, g.Name)
	case others > 0:
		a.note("%q of %q is drained: within %s it begins to give %s up, and %s can take over", name, g.Name, soon(g), held, counted(others, "other member", "other members"))
	default:
		a.note("%q of %q is drained: within %s it begins to give %s up", name, g.Name, soon(g), held)
		a.note("%q has no other active member: its partitions stay free, and nobody works on them; `checkpoint group undrain` withdraws the order", g.Name)
	}
	return nil
}

func (a *app) withdrawDrain(ctx context.Context, store *checkpoint.Store, g *watch.Group, args []string) error {
	order := g.Order(args[0], "")
	if err := withdrawn(g, order, fmt.Sprintf("%q of %q is not drained", args[0], g.Name)); err != nil {
		return err
	}
	if err := store.WithdrawOrder(ctx, g.Name, checkpoint.GroupOrder{Drain: args[0]}); err != nil {
		return a.changeError(err, changed, byGroup)
	}
	if m := g.Member(args[0]); m != nil {
		a.note("%q of %q gets partitions again%s", args[0], g.Name, was("drained", order))
	} else {
		a.note("%q of %q is not drained any more, and does not live%s", args[0], g.Name, was("drained", order))
	}
	return nil
}

// withdrawn returns an error if there is no order to withdraw. An order that cannot be read
// may be the one.
func withdrawn(g *watch.Group, order *watch.Order, text string) error {
	if order == nil && !slices.ContainsFunc(g.Orders, func(o watch.Order) bool { return o.Err != nil }) {
		return saidError{text, checkpoint.ErrNotFound}
	}
	return nil
}

// was returns the end of a line: the order that was withdrawn, its actor and its reason.
func was(what string, order *watch.Order) string {
	if order == nil {
		return ""
	}
	text := "; it was " + what
	if order.To != "" {
		text += fmt.Sprintf(" to %q", order.To)
	}
	if order.Actor != "" {
		text += " by " + order.Actor
	}
	if order.Reason != "" {
		text += ": " + order.Reason
	}
	return text
}

func (a *app) pin(ctx context.Context, store *checkpoint.Store, g *watch.Group, args []string) error {
	name, to := args[0], args[1]
	if err := store.OrderGroup(ctx, g.Name, checkpoint.GroupOrder{Pin: name, To: to}); err != nil {
		return a.changeError(err, changed, byGroup)
	}
	earlier := ""
	if order := g.Order("", name); order != nil && order.To != to {
		earlier = was("pinned", order)
	}
	a.note("partition %q of %q is pinned to %q%s", name, g.Name, to, earlier)
	m, p := g.Member(to), g.Partition(name)
	if p == nil {
		a.note("no partition %q of %q is known, because nobody has ever held it: check the name", name, g.Name)
	}
	switch {
	case m == nil:
		a.note("no member %q of %q lives: check the name; the pin has no effect until the member joins", to, g.Name)
	case !m.Able():
		a.note("the member %q is %s: the pin has no effect while it is", to, m.State)
	case p == nil:
	case p.Holder() == to:
		a.note("%q holds the partition already", to)
	case p.Holder() == "":
		a.note("nobody holds the partition: %q acquires it within %s", to, soon(g))
	default:
		a.note("%q holds the partition, and begins to give it up within %s", p.Holder(), soon(g))
	}
	return nil
}

func (a *app) withdrawPin(ctx context.Context, store *checkpoint.Store, g *watch.Group, args []string) error {
	order := g.Order("", args[0])
	if err := withdrawn(g, order, fmt.Sprintf("partition %q of %q is not pinned", args[0], g.Name)); err != nil {
		return err
	}
	if err := store.WithdrawOrder(ctx, g.Name, checkpoint.GroupOrder{Pin: args[0]}); err != nil {
		return a.changeError(err, changed, byGroup)
	}
	a.note("any member can hold partition %q of %q again%s", args[0], g.Name, was("pinned", order))
	return nil
}

// soon returns within what time the members of a group hear of an order.
func soon(g *watch.Group) string { return watch.Span(g.BeatEvery() + time.Second - 1) }
