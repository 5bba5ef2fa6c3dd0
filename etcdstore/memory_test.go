package etcdstore

import "testing"

func TestMemoryIsBounded(t *testing.T) {
	m := memory{limit: 3}
	for i, key := range []string{"a", "b", "c", "a", "d"} {
		m.put(key, state{checkpointPart: {revision: int64(i + 1)}}, trails{sampleLedger: {last: uint64(i)}})
	}
	if _, _, ok := m.get("b"); ok || m.latest.Len() != 3 || len(m.memos) != 3 {
		t.Errorf("it keeps %d keys, and the one that was used least: %v", m.latest.Len(), ok)
	}
	if s, history, ok := m.get("a"); !ok || s[checkpointPart].revision != 4 || history[sampleLedger].last != 3 {
		t.Errorf("the latest state of a is %+v, %+v, %v", s, history, ok)
	}
	m.forget("a")
	if _, _, ok := m.get("a"); ok {
		t.Error("it has not forgotten a")
	}
}
