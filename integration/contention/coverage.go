package contention

// A coverage is a set of events that grows from the beginning of the log.
type coverage struct {
	upTo  event // all events up to it are in the set
	ahead map[event]struct{}
}

func (c *coverage) add(n event) {
	if n <= c.upTo {
		return
	}
	if c.ahead == nil {
		c.ahead = map[event]struct{}{}
	}
	c.ahead[n] = struct{}{}
	for {
		next := c.upTo + 1
		if _, ok := c.ahead[next]; !ok {
			return
		}
		delete(c.ahead, next)
		c.upTo = next
	}
}
