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
	key   string
	state state
}

func (m *memory) get(key string) (state, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.memos[key]
	if !ok {
		return state{}, false
	}
	m.latest.MoveToFront(e)
	return e.Value.(*memo).state, true
}

func (m *memory) put(key string, s state) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.memos[key]; ok {
		e.Value.(*memo).state = s
		m.latest.MoveToFront(e)
		return
	}
	if m.memos == nil {
		m.memos = make(map[string]*list.Element)
	}
	m.memos[key] = m.latest.PushFront(&memo{key, s})
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
