package kurrentdb

import "testing"

func TestIDIsThatOfTheLog(t *testing.T) {
	a, b := newPeer(t), newPeer(t)
	var ids []string
	for _, p := range []*peer{a, a, b} {
		id, err := p.log.ID(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if ids[0] != ids[1] || ids[0] == ids[2] {
		t.Errorf("one log is %q, then %q; another %q", ids[0], ids[1], ids[2])
	}
}

func TestFollowerDoesNotNameTheLog(t *testing.T) {
	leader, follower := newPeer(t), newPeer(t)
	follower.leader = leader
	want, err := leader.log.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := follower.log.ID(t.Context()); got != want || err != nil {
		t.Errorf("the log is %q, %v; want %q", got, err, want)
	}
}
