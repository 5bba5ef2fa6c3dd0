package redisstore

import (
	"maps"
	"slices"
)

const MaxFlights = maxFlights

// ReadScript is the name by which a server knows the script that reads.
var ReadScript = readScript.sha.(string)

// Waiting is how many commands wait for a pipeline.
func Waiting(d *Driver) int {
	d.pipelines.mu.Lock()
	defer d.pipelines.mu.Unlock()
	count := 0
	for _, n := range append(slices.Collect(maps.Values(d.pipelines.nodes)), &d.pipelines.single) {
		for _, b := range append(n.reads.waiting, n.changes.waiting...) {
			count += len(b.cmds)
		}
	}
	return count
}
