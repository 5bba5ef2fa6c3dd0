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
