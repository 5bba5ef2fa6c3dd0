package etcdstore

import (
	"container/list"
	"sync"
)

// A memory keeps the states of the keys that were used last. It is a guess: a
// transaction compares its revisions before anything is stored, and no refusal is
// answered from it.
type memory struct {
	mu     sync.Mutex
	limit  int
	latest list.List // of *memo, the latest in front
	memos  map[string]*list.Element
}

type memo struct {
	key    string
	state  state
	trails trails
}

func (m *memory) get(key string) (state, trails, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.memos[key]
	if !ok {
		return state{}, trails{}, false
	}
	m.latest.MoveToFront(e)
	found := e.Value.(*memo)
	return found.state, found.trails, true
}

func (m *memory) put(key string, s state, t trails) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.memos[key]; ok {
		found := e.Value.(*memo)
		found.state, found.trails = s, t
		m.latest.MoveToFront(e)
		return
	}
	if m.memos == nil {
		m.memos = make(map[string]*list.Element)
	}
	m.memos[key] = m.latest.PushFront(&memo{key, s, t})
	if m.latest.Len() > m.limit {
		last := m.latest.Back()
		m.latest.Remove(last)
		delete(m.memos, last.Value.(*memo).key)
	}
}

func (m *memory) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.memos[key]; ok {
		m.latest.Remove(e)
		delete(m.memos, key)
	}
}
