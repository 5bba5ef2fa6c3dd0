package network

import (
	"errors"
	"sync"
)

// A Line is what lies between one client and the servers of its store.
type Line []*Proxy

// Hurt begins faults at every proxy.
func (l Line) Hurt(faults ...Fault) error {
	return l.each(func(p *Proxy) error { return p.Hurt(faults...) })
}

// Heal ends what [Line.Hurt] has begun, if anything.
func (l Line) Heal() error { return l.each((*Proxy).Heal) }

// Close ends every proxy.
func (l Line) Close() {
	for _, p := range l {
		p.Close()
	}
}

// each returns when all proxies have changed, each at the same time.
func (l Line) each(change func(*Proxy) error) error {
	errs := make([]error, len(l))
	var wg sync.WaitGroup
	for i, p := range l {
		wg.Go(func() { errs[i] = change(p) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
