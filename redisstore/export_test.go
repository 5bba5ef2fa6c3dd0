package redisstore

const MaxFlights = maxFlights

// ReadScript is the name by which a server knows the script that reads.
var ReadScript = readScript.sha.(string)

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
