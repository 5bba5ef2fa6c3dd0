package etcdtest

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// A gate is where the other members reach a member that is a process. Some may find it
// shut.
type gate struct {
	front     *httptest.Server
	transport *http.Transport
	mu        sync.Mutex
	ways      map[string]way // by the ID of the member that comes
}

// A way ends when the gate shuts.
type way struct {
	ctx  context.Context
	shut context.CancelFunc
}

// openGate opens a gate before the member that listens for its peers at addr.
func openGate(addr string) *gate {
	g := &gate{transport: new(http.Transport), ways: make(map[string]way)}
	behind := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	behind.Transport, behind.FlushInterval = g.transport, -1
	behind.ErrorLog = log.New(io.Discard, "", 0)
	g.front = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		// The members name themselves in each request for messages, or with messages.
		stop := context.AfterFunc(g.way(r.Header.Get("X-Server-From")).ctx, cancel)
		defer stop()
		behind.ServeHTTP(w, r.WithContext(ctx))
	}))
	g.front.Config.ErrorLog = behind.ErrorLog
	g.front.Start()
	return g
}

func (g *gate) addr() string { return strings.TrimPrefix(g.front.URL, "http://") }

func (g *gate) way(of string) way {
	g.mu.Lock()
	defer g.mu.Unlock()
	w, ok := g.ways[of]
	if !ok {
		w.ctx, w.shut = context.WithCancel(context.Background())
		g.ways[of] = w
	}
	return w
}

// shut ends what is under way between the member and another one, and keeps both apart
// until open.
func (g *gate) shut(id uint64) { g.way(strconv.FormatUint(id, 16)).shut() }

func (g *gate) open(id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	of := strconv.FormatUint(id, 16)
	if w, ok := g.ways[of]; ok && w.ctx.Err() != nil {
		delete(g.ways, of)
	}
}

func (g *gate) close() {
	g.front.CloseClientConnections()
	g.front.Close()
	g.transport.CloseIdleConnections()
}
