package sqlitestore

// A crew runs reads on goroutines of its own. Some of them wait for the next read when they
// have done one: in SQLite, the stack of a new goroutine first grows several times.
type crew struct {
	next    chan func()   // a goroutine that waits takes from it
	waiting chan struct{} // has an element for each of them
	ended   chan struct{}
}

func newCrew() *crew {
	return &crew{next: make(chan func()), waiting: make(chan struct{}, maxReaders()), ended: make(chan struct{})}
}

func (c *crew) run(f func()) {
	select {
	case c.next <- f:
	default:
		go c.work(f)
	}
}

func (c *crew) work(f func()) {
	for {
		f()
		select {
		case c.waiting <- struct{}{}:
		default:
			return // enough wait
		}
		select {
		case f = <-c.next:
			<-c.waiting
		case <-c.ended:
			return
		}
	}
}

// end ends the goroutines that wait. Any other ends after its read.
func (c *crew) end() { close(c.ended) }
