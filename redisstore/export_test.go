package redisstore

import (
	"maps"
	"slices"
	"time"
)

const MaxFlights = maxFlights

// ReadScript is the name by which a server knows the script that reads.
var ReadScript = readScript.sha.(string)

// WithoutLane makes d send a call that is alone as it sends any other.
func WithoutLane(d *Driver) *Driver {
	if d.pipelines.lane != nil {
		d.pipelines.lane.leave()
		d.pipelines.lane = nil
	}
	return d
}

// HasLane reports whether a call of d that is alone goes by the lane.
func HasLane(d *Driver) bool {
	l := d.pipelines.lane
	if l == nil || !l.take() {
		return false
	}
	l.mu.Unlock()
	return true
}

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

// AgeLane makes the lane look as if its last call was so long ago.
func AgeLane(d *Driver, by time.Duration) {
	l := d.pipelines.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used = l.used.Add(-by)
}
