package redisstore

import (
	"encoding/binary"
	"hash/maphash"
)

// A keySet holds keys without a pointer to each: marking those of a map of a
// million strings was a quarter of what GetAll cost the client.
type keySet struct {
	hash  func(string) uint64
	first map[uint64]place // the first key of each hash
	text  [][]byte         // the first keys, each after its length
	rest  map[string]struct{}
}

// A place is where a key begins in a keySet's text.
type place struct{ chunk, offset uint32 }

const chunkSize = 64 << 10

func newKeySet() *keySet {
	seed := maphash.MakeSeed()
	return &keySet{
		hash:  func(key string) uint64 { return maphash.String(seed, key) },
		first: make(map[uint64]place),
		rest:  make(map[string]struct{}),
	}
}

// add reports whether key is new.
func (s *keySet) add(key string) bool {
	h := s.hash(key)
	at, ok := s.first[h]
	if !ok {
		s.first[h] = s.append(key)
		return true
	}
	if s.equal(at, key) {
		return false
	}
	_, ok = s.rest[key]
	s.rest[key] = struct{}{}
	return !ok
}

func (s *keySet) append(key string) place {
	last := len(s.text) - 1
	if need := binary.MaxVarintLen64 + len(key); last < 0 || cap(s.text[last])-len(s.text[last]) < need {
		s.text = append(s.text, make([]byte, 0, max(need, chunkSize)))
		last++
	}
	chunk := &s.text[last]
	at := place{uint32(last), uint32(len(*chunk))}
	*chunk = append(binary.AppendUvarint(*chunk, uint64(len(key))), key...)
	return at
}

func (s *keySet) equal(at place, key string) bool {
	text := s.text[at.chunk][at.offset:]
	n, width := binary.Uvarint(text)
	return n == uint64(len(key)) && string(text[width:][:n]) == key
}
