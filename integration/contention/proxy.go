package contention

import (
	"context"
	"errors"
	"fmt"
	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A proxy stands between one instance and Redis.
type proxy struct {
	proxy *toxiproxy.Proxy
	cuts  []string // the names of what cuts it, upstream first
}

func newProxy(name, upstream string) (*proxy, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)
	return &proxy{proxy: p}, p.Start()
}

func (p *proxy) addr() string { return p.proxy.Listen }

// cut lets no byte through any more, in either direction, and closes no
// connection. What the instance sends is lost, or late: then it reaches Redis
// when the proxy is healed, as packets do that a network has held back.
func (p *proxy) cut(late bool) error {
	upstream := `{"type": "timeout", "attributes": {"timeout": 0}}`
	if late {
		upstream = `{"type": "latency", "attributes": {"latency": 86400000}}`
	}
	return errors.Join(p.add("upstream", upstream), p.add("downstream", `{"type": "timeout", "attributes": {"timeout": 0}}`))
}

func (p *proxy) add(stream, toxic string) error {
	toxic = fmt.Sprintf(`{"name": %q, "stream": %q, %s`, stream, stream, toxic[1:])
	_, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
	p.cuts = append(p.cuts, stream)
	return err
}

// heal lets the bytes of new connections through. Those that lost some end.
func (p *proxy) heal(ctx context.Context) error {
	var errs []error
	for _, name := range p.cuts {
		errs = append(errs, p.proxy.Toxics.RemoveToxic(ctx, name))
	}
	p.cuts = nil
	return errors.Join(errs...)
}

func (p *proxy) close() { p.proxy.Stop() }
