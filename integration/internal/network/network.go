// Package network is what lies between clients and a server, and fails when a test
// says so. It is a proxy of toxiproxy's.
package network

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A Fault is what one of toxiproxy's toxics does to one direction of every
// connection, those that are open and those to come.
type Fault struct {
	stream          string
	kind, attribute string
	value           int
}

// Requests is a fault of what the clients send: a toxic of this kind, with its only
// attribute.
func Requests(kind, attribute string, value int) Fault {
	return Fault{"upstream", kind, attribute, value}
}

// Replies is a fault of what the server sends.
func Replies(kind, attribute string, value int) Fault {
	return Fault{"downstream", kind, attribute, value}
}

// Cut lets no byte through, in either direction, and closes no connection. What
// the clients send is lost, or late: then it reaches the server when the proxy is
// healed, as packets do that a network has held back.
func Cut(late bool) []Fault {
	requests := Requests("timeout", "timeout", 0)
	if late {
		requests = Requests("latency", "latency", 86_400_000)
	}
	return []Fault{requests, Replies("timeout", "timeout", 0)}
}

// patience is how long toxiproxy may take for a change. It waits 5 seconds itself
// for a client that does not read.
const patience = 10 * time.Second

// A Proxy stands between clients and a server. It is for one goroutine at a time.
type Proxy struct {
	server   string
	proxy    *toxiproxy.Proxy
	faults   []Fault
	patience time.Duration
}

// New starts a proxy before the server at this address.
func New(server string) (*Proxy, error) {
	p := &Proxy{server: server, patience: patience}
	return p, p.start("127.0.0.1:0")
}

func (p *Proxy) start(listen string) error {
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p.proxy = toxiproxy.NewProxy(api, "network", listen, p.server)
	return errors.Join(add(p.proxy.Toxics, p.faults), p.proxy.Start())
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.proxy.Listen }

// Close ends the proxy and every connection.
func (p *Proxy) Close() { p.proxy.Stop() }

// Reset ends every connection. Clients can connect again.
func (p *Proxy) Reset() error {
	p.proxy.Stop()
	return p.startAgain(p.proxy.Listen)
}

// startAgain starts at an address that was in use. Another process may use its port for a
// moment.
func (p *Proxy) startAgain(listen string) (err error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if err = p.start(listen); err == nil {
			return nil
		}
	}
	return err
}

// Hurt begins faults. It must not be called again before [Proxy.Heal].
func (p *Proxy) Hurt(faults ...Fault) error {
	p.faults = faults
	toxics := p.proxy.Toxics
	return p.change(func() error { return add(toxics, faults) })
}

// Heal ends what [Proxy.Hurt] has begun, if anything. Connections that have lost
// some bytes end.
func (p *Proxy) Heal() error {
	faults, toxics := p.faults, p.proxy.Toxics
	p.faults = nil
	return p.change(func() error { return remove(toxics, faults) })
}

func add(toxics *toxiproxy.ToxicCollection, faults []Fault) error {
	for i, f := range faults {
		text, err := json.Marshal(map[string]any{
			"name": strconv.Itoa(i), "stream": f.stream, "type": f.kind, "attributes": map[string]int{f.attribute: f.value},
		})
		if err != nil {
			return err
		}
		if _, err := toxics.AddToxicJson(strings.NewReader(string(text))); err != nil {
			return err
		}
	}
	return nil
}

func remove(toxics *toxiproxy.ToxicCollection, faults []Fault) error {
	var errs []error
	for i := range faults {
		errs = append(errs, toxics.RemoveToxic(context.Background(), strconv.Itoa(i)))
	}
	return errors.Join(errs...)
}

// change waits for a change of the toxics. If a connection breaks at that moment
// toxiproxy 2.5.0 may wait for ever, and lets nobody connect any more. Then another
// proxy takes its place.
func (p *Proxy) change(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(p.patience):
	}
	stuck := p.proxy
	go stuck.Stop() // stops to listen, and then waits, too
	return p.startAgain(stuck.Listen)
}
