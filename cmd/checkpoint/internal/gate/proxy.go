package gate

import (
	"net/http"
	"net/netip"
	"slices"
)

// Proxy answers only requests that come from one of the trusted addresses and that name
// exactly one user in the header. This user is the actor.
func Proxy(header string, trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch users := r.Header.Values(header); {
		case isOpen(r):
			next.ServeHTTP(w, r)
		case !comesFrom(r.RemoteAddr, trusted):
			http.Error(w, "this page answers to its proxy alone", http.StatusForbidden)
		case len(users) != 1 || users[0] == "":
			http.Error(w, "the proxy does not say who you are", http.StatusForbidden)
		default:
			next.ServeHTTP(w, withActor(r, users[0]))
		}
	})
}

func comesFrom(address string, trusted []netip.Prefix) bool {
	from, err := netip.ParseAddrPort(address)
	if err != nil {
		return false
	}
	ip := from.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// isOpen reports whether anybody may make the request: a probe of the server's health.
func isOpen(r *http.Request) bool { return r.URL.Path == "/healthz" && isSafe(r) }

func isSafe(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }
