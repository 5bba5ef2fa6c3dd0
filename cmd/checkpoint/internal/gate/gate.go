// Package gate decides who may see the page, and names who makes a change.
package gate

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

// policy lets a page load what its own server serves, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Headers sets what each answer must have, and refuses a request that changes something
// and comes from another site.
func Headers(next http.Handler) http.Handler {
	protected := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		protected.ServeHTTP(w, r)
	})
}

// Local answers only requests that name this machine as their host. Otherwise a page of
// another site could have its name resolve to this machine, and read ours with the help
// of a browser here.
func Local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !IsLocal(r.Host) {
			http.Error(w, "this page answers on localhost and 127.0.0.1 alone", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// IsLocal reports whether an address, with or without a port, is of this machine alone.
func IsLocal(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	if host == "localhost" {
		return true
	}
	if len(host) > 2 && host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

type actorKey struct{}

// Actor returns who makes the request, as its gate knows. It is "" if no gate names anybody.
func Actor(r *http.Request) string {
	name, _ := r.Context().Value(actorKey{}).(string)
	return name
}

func withActor(r *http.Request, name string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), actorKey{}, name))
}
