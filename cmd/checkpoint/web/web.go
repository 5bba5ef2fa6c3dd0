// Package web shows the consumers of a store as a page: which are stuck, how far behind,
// who is at work, and who has moved what. Mount its [Handler] in a server of your own, or
// let `checkpoint serve` do so.
package web

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/gate"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// Options configures a [Handler]. A nil *Options is the zero Options.
type Options struct {
	// Write offers changes: rewind, undo, pause, resume, and to revoke a lease.
	Write bool

	// Actor names who makes the changes of a request. Nil: the address that the request
	// comes from.
	Actor func(*http.Request) string

	// Stale is as --stale of `checkpoint status`. Zero: a consumer that is behind is stuck
	// after a minute, and a checkpoint that nobody reports on is never stale.
	Stale time.Duration

	// Every is how far apart two reads of the store are at least. Zero: 2 seconds.
	Every time.Duration

	// Timeout is how long a read or a change of the store may take. Zero: 10 seconds.
	Timeout time.Duration

	// Logger receives a record for each change, for each read that fails after one that
	// worked, and for each read that works after one that failed. Nil: nothing is logged.
	Logger *slog.Logger
}

// Handler returns a handler that shows the store. All viewers share one read of the store,
// which takes place only while somebody looks: see Options.Every. After a change, the next
// viewer reads again.
//
// Handler asks nobody for a password: mount it behind the authentication of your server.
// It sets a strict Content-Security-Policy, and refuses changes that come from another
// site. Under a prefix, it needs http.StripPrefix, and a path that ends with a slash. An
// answer that goes on for as long as somebody looks sets its own deadlines, with
// http.ResponseController.
func Handler(store *checkpoint.Store, opts *Options) http.Handler {
	if store == nil {
		panic("web: Handler with a nil store")
	}
	if opts == nil {
		opts = new(Options)
	}
	s := &server{
		store:   store,
		opts:    *opts,
		viewers: make(chan struct{}, mostViewers),
	}
	s.opts.Every = cmp.Or(opts.Every, 2*time.Second)
	s.opts.Timeout = cmp.Or(opts.Timeout, 10*time.Second)
	if opts.Logger == nil {
		s.opts.Logger = slog.New(slog.DiscardHandler)
	}
	rules := watch.Rules{Stale: opts.Stale, Silent: opts.Stale > 0}
	s.poller = &poller{
		every: s.opts.Every, timeout: s.opts.Timeout, logger: s.opts.Logger,
		read: func(ctx context.Context) (found, error) { return read(ctx, store, rules) },
	}
	return gate.Headers(s.routes())
}

// A server answers requests.
type server struct {
	store   *checkpoint.Store
	opts    Options
	poller  *poller
	viewers chan struct{} // one for each stream
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.list)
	mux.HandleFunc("GET /consumer", s.consumer)
	mux.HandleFunc("GET /groups", s.groups)
	mux.HandleFunc("GET /group", s.group)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /api/status", s.apiStatus)
	mux.HandleFunc("GET /api/history", s.apiHistory)
	mux.HandleFunc("GET /api/groups", s.apiGroups)
	mux.HandleFunc("GET /api/group", s.apiGroup)
	for _, name := range []string{"style.css", "page.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, static, name) })
	}
	if s.opts.Write {
		mux.HandleFunc("GET /change", s.preview)
		mux.HandleFunc("POST /change", s.change)
	}
	return mux
}

// actor is who makes the changes of a request.
func (s *server) actor(r *http.Request) string {
	if s.opts.Actor != nil {
		return s.opts.Actor(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// limited returns a context for one call of the store.
func (s *server) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.opts.Timeout)
}
