package suspend

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// mostAlive is how often a handler may find its context alive after another process has
// the lease: in a twentieth of the TTL, and as often again for the scheduler.
const mostAlive = 2 * pauses / 20

// A tenure is what a process did under one epoch.
type tenure struct {
	epoch   uint64
	granted time.Time // when the process recorded it, which is after the store granted it
	events  []record
}

// A verdict is what came of some records.
type verdict struct {
	tenures  int // that another followed
	outlived int // events that ended after the next grant
	lateBegs int // of those, how many began after it
	alive    int // how often a handler found its context alive after the next grant, at most
	ends     map[string]int
	broken   []error
}

// judge holds what the processes of one key have recorded to the rules in doc.go.
func judge(records []record) verdict {
	v := verdict{ends: make(map[string]int)}
	tenures := v.tenuresOf(records)
	for i, t := range tenures[:max(1, len(tenures))-1] {
		v.tenures++
		v.judge(t, tenures[i+1])
	}
	return v
}

// tenuresOf returns the tenures in the order of their grants.
func (v *verdict) tenuresOf(records []record) []tenure {
	var tenures []tenure
	for _, r := range records {
		if r.What == granted {
			tenures = append(tenures, tenure{epoch: r.Epoch, granted: r.At})
		}
	}
	slices.SortFunc(tenures, func(a, b tenure) int { return a.granted.Compare(b.granted) })
	of := make(map[uint64]*tenure)
	for i := range tenures {
		if t := &tenures[i]; i > 0 && t.epoch <= tenures[i-1].epoch {
			v.violated("epoch %d was granted after epoch %d", t.epoch, tenures[i-1].epoch)
		}
		of[tenures[i].epoch] = &tenures[i]
	}
	for _, r := range records {
		switch t := of[r.Epoch]; {
		case r.What == ended:
			v.end(r)
		case r.What == granted:
		case t == nil:
			v.violated("event %d was handled under epoch %d, which was not granted", r.Event, r.Epoch)
		default:
			t.events = append(t.events, r)
		}
	}
	return tenures
}

func (v *verdict) end(r record) {
	v.ends[r.Why]++
	if r.Why != calledOff && r.Why != fenced && r.Why != leaseLost {
		v.violated("the tenure of epoch %d ended for no good reason: %s", r.Epoch, r.Why)
	}
}

// judge holds t to the grant of the next tenure.
func (v *verdict) judge(t, next tenure) {
	outlived := 0
	for _, e := range t.events {
		if !e.At.After(next.granted) {
			continue
		}
		outlived++
		if e.began().After(next.granted) {
			v.lateBegs++
		}
		alive := 0
		for _, at := range e.Alive[1:] {
			if at.After(next.granted) {
				alive++
			}
		}
		v.alive = max(v.alive, alive)
		if alive > mostAlive {
			v.violated("epoch %d, event %d: the handler found its context alive %d times after epoch %d was granted, until %v later",
				t.epoch, e.Event, alive, next.epoch, e.Alive[len(e.Alive)-1].Sub(next.granted))
		}
		if outlived > 1 {
			v.violated("epoch %d, event %d: it began %v after epoch %d was granted, and is number %d that ended after that",
				t.epoch, e.Event, e.began().Sub(next.granted), next.epoch, outlived)
		}
	}
	v.outlived += outlived
}

func (v *verdict) violated(format string, args ...any) {
	v.broken = append(v.broken, fmt.Errorf(format, args...))
}

// add adds the verdict on another key.
func (v *verdict) add(w verdict) {
	v.tenures, v.outlived, v.lateBegs = v.tenures+w.tenures, v.outlived+w.outlived, v.lateBegs+w.lateBegs
	v.alive = max(v.alive, w.alive)
	for why, n := range w.ends {
		v.ends[why] += n
	}
	v.broken = append(v.broken, w.broken...)
}

// err returns what is broken, over all keys.
func (v *verdict) err() error {
	if v.lateBegs*20 > v.tenures {
		v.violated("in %d of %d take-overs an event began after the next grant", v.lateBegs, v.tenures)
	}
	return errors.Join(v.broken[:min(len(v.broken), 10)]...)
}
