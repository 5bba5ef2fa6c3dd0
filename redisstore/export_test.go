package redisstore

const MaxFlights = maxFlights

// Waiting is how many commands wait for a pipeline.
func Waiting(d *Driver) int {
	d.combiner.mu.Lock()
	defer d.combiner.mu.Unlock()
	n := 0
	for _, l := range d.combiner.lines {
		for _, b := range l.waiting {
			n += len(b.cmds)
		}
	}
	return n
}
