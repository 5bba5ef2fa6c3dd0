package gate_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/gate"
)

const token = "0123456789abcdef"

// page says who looks.
var page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Write([]byte("for " + gate.Actor(r)))
	if gate.InSession(r) {
		w.Write([]byte(", logged in"))
	}
})

func guarded(t *testing.T) http.Handler {
	t.Helper()
	h, err := gate.Token(token, page)
	if err != nil {
		t.Fatal(err)
	}
	return gate.Headers(h)
}

func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func want(t *testing.T, answer *httptest.ResponseRecorder, code int) {
	t.Helper()
	if answer.Code != code {
		t.Errorf("it answers %d, want %d", answer.Code, code)
	}
}

func cookieOf(t *testing.T, answer *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	cookie, err := http.ParseSetCookie(answer.Header().Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	return cookie
}

func TestToken(t *testing.T) {
	h := guarded(t)
	for _, target := range []string{"/", "/consumer?key=k", "/events", "/metrics", "/api/status", "/page.js"} {
		want(t, ask(h, "GET", target, ""), http.StatusUnauthorized)
		want(t, ask(h, "GET", target, "", "Authorization", "Bearer "+token+"x"), http.StatusUnauthorized)
		want(t, ask(h, "GET", target, "", "Authorization", "Basic "+token), http.StatusUnauthorized)
		want(t, ask(h, "GET", target, "", "Authorization", "bearer "+token), http.StatusOK)
	}
	for _, target := range []string{"/healthz", "/style.css", "/icon.svg", "/login"} {
		want(t, ask(h, "GET", target, ""), http.StatusOK)
	}
	want(t, ask(h, "POST", "/change", "a=b"), http.StatusUnauthorized)
	want(t, ask(h, "POST", "/healthz", "a=b"), http.StatusUnauthorized)
	toLogin := ask(h, "GET", "/", "", "Accept", "text/html,*/*")
	want(t, toLogin, http.StatusSeeOther)
	if got := toLogin.Header().Get("Location"); got != "login" {
		t.Errorf("a person is sent to %q", got)
	}
}

func TestWeakTokens(t *testing.T) {
	for _, weak := range []string{"", "short", "two words of a token", "0123456789abcdef\nx"} {
		if _, err := gate.Token(weak, page); err == nil {
			t.Errorf("the token %q is good enough", weak)
		}
	}
}

func TestLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := guarded(t)
		want(t, ask(h, "POST", "/login", "token=wrong"), http.StatusForbidden)
		want(t, ask(h, "POST", "/login", "token="+token, "Origin", "https://elsewhere.example"), http.StatusForbidden)
		answer := ask(h, "POST", "/login", "token="+url.QueryEscape(" "+token+"\n"))
		want(t, answer, http.StatusSeeOther)
		cookie := cookieOf(t, answer)
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Secure || strings.Contains(cookie.Value, token) {
			t.Errorf("the cookie is %v", cookie)
		}
		if !cookieOf(t, ask(h, "POST", "/login", "token="+token, "X-Forwarded-Proto", "https")).Secure {
			t.Error("behind TLS the cookie is not for TLS alone")
		}
		pass := cookie.Name + "=" + cookie.Value
		for _, other := range [][]string{nil, {"Authorization", "Bearer " + token}} {
			if got := ask(h, "GET", "/", "", append(other, "Cookie", pass)...).Body.String(); got == "for , logged in" == (other != nil) {
				t.Errorf("with %q the page is %q", other, got)
			}
		}
		want(t, ask(h, "GET", "/", "", "Cookie", cookie.Name+"=9"+cookie.Value), http.StatusUnauthorized)
		want(t, ask(h, "GET", "/", "", "Cookie", cookie.Name+"="), http.StatusUnauthorized)
		want(t, ask(h, "POST", "/change", "a=b", "Cookie", pass), http.StatusOK)
		want(t, ask(h, "POST", "/change", "a=b", "Cookie", pass, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden)
		other, err := gate.Token(token+"x", page)
		if err != nil {
			t.Fatal(err)
		}
		want(t, ask(other, "GET", "/", "", "Cookie", pass), http.StatusUnauthorized)
		if out := cookieOf(t, ask(h, "POST", "/logout", "")); out.MaxAge >= 0 || out.Value != "" {
			t.Errorf("a logout sets %v", out)
		}
		time.Sleep(12 * time.Hour)
		want(t, ask(h, "GET", "/", "", "Cookie", pass), http.StatusUnauthorized)
	})
}

func TestProxy(t *testing.T) {
	of := func(cidr string) http.Handler {
		return gate.Proxy("X-User", []netip.Prefix{netip.MustParsePrefix(cidr)}, page)
	}
	trusted := of("192.0.2.1/32") // of httptest
	want(t, ask(trusted, "GET", "/", ""), http.StatusForbidden)
	want(t, ask(trusted, "GET", "/", "", "X-User", ""), http.StatusForbidden)
	want(t, ask(trusted, "GET", "/", "", "X-User", "eva", "X-User", "adam"), http.StatusForbidden)
	want(t, ask(of("192.0.3.0/24"), "GET", "/", "", "X-User", "eva"), http.StatusForbidden)
	want(t, ask(of("192.0.3.0/24"), "GET", "/healthz", ""), http.StatusOK)
	answer := ask(trusted, "GET", "/", "", "X-User", "eva")
	want(t, answer, http.StatusOK)
	if got := answer.Body.String(); got != "for eva" {
		t.Errorf("the page is %q", got)
	}
}

// TestLocal: a name of another site may lead to this machine.
func TestLocal(t *testing.T) {
	h := gate.Local(page)
	for host, code := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:1": 200, "[::1]:8080": 200, "[::1]": 200, "127.9.9.9": 200,
		"elsewhere.example": 403, "elsewhere.example:8080": 403, "localhost.elsewhere.example": 403, "10.0.0.1:8080": 403, "": 403, "0.0.0.0:80": 403,
		"[": 403, "[]:1": 403,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != code {
			t.Errorf("the host %q gets %d, want %d", host, w.Code, code)
		}
	}
}
