package histories

import (
	"context"
	"fmt"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A proxy stands between clients and a server.
type proxy struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

func newProxy(t *testing.T, upstream string) *proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, "redis", "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return &proxy{t, p}
}

func (p *proxy) addr() string { return p.proxy.Listen }

// A toxic is what toxiproxy does to one direction of every connection. Upstream is
// what the clients send.
type toxic struct {
	stream, kind string
	attribute    string
	value        int
}

const (
	upstream   = "upstream"
	downstream = "downstream"
)

// hurt returns what heals.
func (p *proxy) hurt(toxics ...toxic) (heal func()) {
	p.t.Helper()
	for i, x := range toxics {
		text := fmt.Sprintf(`{"name": "%d", "stream": %q, "type": %q, "attributes": {%q: %d}}`, i, x.stream, x.kind, x.attribute, x.value)
		if _, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
			p.t.Fatal(err)
		}
	}
	return func() {
		p.t.Helper()
		for i := range toxics {
			if err := p.proxy.Toxics.RemoveToxic(context.Background(), fmt.Sprint(i)); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}
