package checkpoint

import (
	"context"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// DeclareGroup puts a group into the list of groups, for 30 days. Package group calls it
// for its members.
func (s *Store) DeclareGroup(ctx context.Context, group string) error {
	err := validateGroup(group)
	_, err = s.report(ctx, opDeclareGroup, group, driver.Report{Key: groupsKey, Instance: group, Text: "{}", TTL: 30 * 24 * time.Hour}, err)
	return err
}

// groupsKey is the key of the list of groups.
const groupsKey = "groups"

// Groups returns the names of the groups that had a member in the last 30 days, in their
// order. If the engine keeps no reports, the error is [ErrUnsupported].
func (s *Store) Groups(ctx context.Context) ([]string, error) {
	var names []string
	err := s.readGroups(ctx, opGroups, "", []string{groupsKey}, func(lists [][]driver.Report) int {
		for _, r := range lists[0] {
			names = append(names, r.Instance)
		}
		return len(names)
	})
	return names, err
}

// Group returns the members of a group that live, and the orders to it. The view has no
// time and no leases. A group that has neither members nor orders is no error.
func (s *Store) Group(ctx context.Context, group string) (GroupView, error) {
	var view GroupView
	err := s.readGroups(ctx, opGroup, group, []string{membersAt(group), ordersOf(group)}, func(lists [][]driver.Report) int {
		view.Members, view.Orders = membersOf(lists[0]), ordersFrom(lists[1])
		return len(view.Members)
	})
	return view, err
}

func (s *Store) readGroups(ctx context.Context, op, group string, keys []string, take func([][]driver.Report) int) error {
	c := call{Call: Call{Op: op, Key: group, Size: 1}}
	ctx = s.begin(ctx, &c)
	n, err := 0, s.ready(ctx)
	if err == nil && op == opGroup {
		err = validateGroup(group)
	}
	var lists [][]driver.Report
	if err == nil {
		lists, err = driver.ReportsOf(ctx, s.driver, keys)
	}
	if err == nil {
		n = take(lists)
	}
	err = c.wrap(err)
	s.end(&c, CallResult{Count: n, Err: err})
	return err
}
