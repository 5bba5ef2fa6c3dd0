package redisstore

import (
	"runtime"
	"sync"
)

// firstBatch is how many items of many go first. Each part has twice as many as the one before,
// so that the server is soon at work and has enough to do while the client makes the next part.
const firstBatch = 16

// eachRound calls send for parts of count items, atATime of them at once, and done after each
// round. The items of a round have different keys, since they may land in any order: after a
// redirect or an unknown script, an item may land later than its neighbours. The nth item with
// a key is in the nth round.
func eachRound(count, atATime int, key func(i int) string, send, done func([]int)) {
	todo := make([]int, count)
	for i := range todo {
		todo[i] = i
	}
	for len(todo) > 0 {
		var round []int
		round, todo = sendRound(todo, atATime, key, send)
		done(round)
	}
}

// sendRound sends the first item of each key. It returns these items, and those for later.
func sendRound(items []int, atATime int, key func(i int) string, send func(part []int)) (round, later []int) {
	round = make([]int, 0, len(items)) // which never moves
	seen := make(map[string]struct{}, len(items))
	var workers sync.WaitGroup
	free := make(chan struct{}, atATime)
	sent, size := 0, maxBatch
	if len(items) > maxBatch {
		size = firstBatch
	}
	ship := func() {
		part := round[sent:len(round):len(round)]
		sent, size = len(round), min(2*size, maxBatch)
		free <- struct{}{}
		workers.Go(func() {
			send(part)
			<-free
		})
	}
	for _, i := range items {
		if _, twice := seen[key(i)]; twice {
			later = append(later, i)
			continue
		}
		seen[key(i)] = struct{}{}
		if round = append(round, i); len(round)-sent == size {
			ship()
			runtime.Gosched() // so that the parts go in this order
		}
	}
	if sent < len(round) {
		ship()
	}
	workers.Wait()
	return round, later
}
