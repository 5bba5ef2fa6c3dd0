package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A Member is an instance that shares the partitions of a consumer with other instances.
// Except for SeenAt, ExpiresAt and Err, all of it is what the instance says of itself.
type Member struct {
	Name    string    `json:"name"`
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid,omitempty"`
	Version string    `json:"version,omitempty"` // of the program
	Since   time.Time `json:"since"`             // when it joined, by its own clock
	Weight  int       `json:"weight"`            // its share of the partitions beside the others' weights: 1 or more
	Leaving bool      `json:"leaving,omitempty"` // it gives its partitions away

	// Info is what a caller's own rule of assignment wants to know of a member: 1024 bytes
	// of valid UTF-8 without control characters at most.
	Info string `json:"info,omitempty"`

	// SeenAt is when the member last gave a sign of life, and ExpiresAt is when it counts
	// as dead without another, both by the engine's clock. Beat ignores both.
	SeenAt    time.Time `json:"-"`
	ExpiresAt time.Time `json:"-"`

	// Err says why the member's report cannot be read. Then only Name, SeenAt and
	// ExpiresAt are set besides.
	Err error `json:"-"`
}

// A GroupView is what a member sees of its group. It is a hint: since then a member may
// have come or gone, and a lease may have ended. The leases decide who is at work.
type GroupView struct {
	At      time.Time            // when the member's beat was stored, by the engine's clock; zero from Group
	Members []Member             // those that live, in the order of their names
	Orders  []GroupOrder         // the operator's
	Leases  []driver.StoredLease // of the keys, in their order; zero: nobody holds the key's lease
}

// Beat says that a member of a group lives, for ttl from now, and returns what the member
// sees. The keys are those of the group's partitions. Package group calls Beat for its
// members. If the engine keeps no reports or shows no leases, the error is
// [ErrUnsupported].
//
// The names of a group and of a member are 1 to 256 bytes of valid UTF-8 without control
// characters. The ttl is above zero, and is rounded up to whole milliseconds.
func (s *Store) Beat(ctx context.Context, group string, member Member, ttl time.Duration, keys ...string) (GroupView, error) {
	c := call{Call: Call{Op: opBeat, Key: group, Size: len(keys)}}
	ctx = s.begin(ctx, &c)
	view, err := s.beat(ctx, group, member, ttl, keys)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: len(view.Members), Err: err})
	return view, err
}

func (s *Store) beat(ctx context.Context, group string, m Member, ttl time.Duration, keys []string) (GroupView, error) {
	b := driver.GroupBeat{Orders: ordersOf(group), Keys: keys}
	var err error
	if b.Member, err = memberReport(group, m, ttl); err != nil {
		return GroupView{}, err
	}
	for _, key := range keys {
		if err := ValidateKey(key); err != nil {
			return GroupView{}, fmt.Errorf("%q: %w", key, err)
		}
	}
	if err := s.ready(ctx); err != nil {
		return GroupView{}, err
	}
	seen, err := driver.Beat(ctx, s.driver, b)
	if err != nil {
		return GroupView{}, err
	}
	return GroupView{At: seen.At, Members: membersOf(seen.Members), Orders: ordersFrom(seen.Orders), Leases: seen.Leases}, nil
}

func memberReport(group string, m Member, ttl time.Duration) (r driver.Report, err error) {
	if err := errors.Join(validateGroup(group), validateInstance(m.Name)); err != nil {
		return r, err
	}
	switch {
	case len(m.Info) > 1024:
		return r, fmt.Errorf("the Info of the member %q has %d bytes, want 1024 at most", m.Name, len(m.Info))
	case characterFault(m.Info) != nil:
		return r, fmt.Errorf("the Info of the member %q is not valid UTF-8, or has control characters: encode it, for instance as JSON", m.Name)
	case m.Weight < 1:
		return r, fmt.Errorf("the weight of the member %q is %d, want 1 or more", m.Name, m.Weight)
	}
	r.Key, r.Instance = membersAt(group), m.Name
	if r.TTL, err = wholeMilliseconds(ttl); err != nil {
		return r, err
	}
	if r.TTL == 0 {
		return r, errors.New("TTL of a member is 0, it must be at least a millisecond")
	}
	m.Host, m.Version = clean(m.Host, 255), clean(m.Version, 64)
	r.Text, err = encode(m)
	return r, err
}

// Leave says that a member has left its group. Nothing happens if it is no member.
func (s *Store) Leave(ctx context.Context, group, member string) error {
	err := errors.Join(validateGroup(group), validateInstance(member))
	_, err = s.report(ctx, opLeave, group, driver.Report{Key: membersAt(group), Instance: member}, err)
	return err
}

// The keys of a group's reports. None of them has a checkpoint.
func membersAt(group string) string { return "group:" + group + ":members" }
func ordersOf(group string) string  { return "group:" + group + ":orders" }

// isOfGroups reports whether reports at key are those of groups, and not of instances.
func isOfGroups(key string) bool {
	name, ok := strings.CutPrefix(key, "group:")
	return key == groupsKey || ok && (strings.HasSuffix(name, ":members") || strings.HasSuffix(name, ":orders"))
}

func validateGroup(name string) error {
	err := ValidateKey(name)
	if len(name) > 256 {
		err = fmt.Errorf("%w: it has %d bytes, at most 256 are allowed", ErrInvalidKey, len(name))
	}
	if err != nil {
		return fmt.Errorf("the group's name: %w", err)
	}
	return nil
}

func membersOf(reports []driver.Report) []Member {
	members := make([]Member, len(reports))
	for i, r := range reports {
		m := &members[i]
		if err := json.Unmarshal([]byte(r.Text), m); err != nil {
			*m = Member{Err: fmt.Errorf("the report of the member %q cannot be read: %w", r.Instance, err)}
		}
		m.Name, m.SeenAt, m.ExpiresAt = r.Instance, r.At, r.ExpiresAt
	}
	return members
}
