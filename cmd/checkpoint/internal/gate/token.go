package gate

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	cookieName = "checkpoint-session"
	// session is how long a person stays logged in.
	session = 12 * time.Hour
	// shortest is how many bytes a token has at least: nobody guesses it.
	shortest = 16
	// longestForm is how many bytes the form of a login has at most.
	longestForm = 4 << 10
)

//go:embed login.html
var loginText string

var loginPage = template.Must(template.New("login").Parse(loginText))

// Token answers only requests that carry the token: as a Bearer token, or in the cookie
// that the login form sets. The form itself, its looks and the server's health are for
// anybody.
func Token(token string, next http.Handler) (http.Handler, error) {
	if len(token) < shortest {
		return nil, fmt.Errorf("the token has %d bytes, it must have %d at least", len(token), shortest)
	}
	if strings.ContainsAny(token, " \t\r\n") {
		return nil, errors.New("the token has a space or a line break within it: want one word")
	}
	g := &tokenGate{sum: sha256.Sum256([]byte(token)), next: next}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) { login(w, http.StatusOK, "") })
	mux.HandleFunc("POST /login", g.logIn)
	mux.HandleFunc("POST /logout", logOut)
	mux.HandleFunc("/", g.serve)
	return mux, nil
}

type tokenGate struct {
	sum  [sha256.Size]byte // of the token
	next http.Handler
}

func (g *tokenGate) serve(w http.ResponseWriter, r *http.Request) {
	known, inSession := g.knows(r)
	switch {
	case inSession:
		g.next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, true)))
	case known || isOpen(r) || isSafe(r) && (r.URL.Path == "/style.css" || r.URL.Path == "/icon.svg"):
		g.next.ServeHTTP(w, r)
	case isSafe(r) && strings.Contains(r.Header.Get("Accept"), "text/html"):
		w.Header().Set("Location", "login")
		w.WriteHeader(http.StatusSeeOther)
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="checkpoint"`)
		http.Error(w, "this needs the token of the page", http.StatusUnauthorized)
	}
}

type sessionKey struct{}

// InSession reports whether a person has logged in to make the request, and can log out.
func InSession(r *http.Request) bool { return r.Context().Value(sessionKey{}) != nil }

// knows reports whether a request carries the token, or else a cookie that is still good.
func (g *tokenGate) knows(r *http.Request) (known, inSession bool) {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "bearer") {
		return g.isToken(token), false
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false, false
	}
	good := g.isGood(cookie.Value)
	return good, good
}

func (g *tokenGate) isGood(pass string) bool {
	text, _, _ := strings.Cut(pass, ".")
	end, err := strconv.ParseInt(text, 10, 64)
	return err == nil && hmac.Equal([]byte(pass), []byte(g.pass(end))) && time.Now().Before(time.Unix(end, 0))
}

func (g *tokenGate) isToken(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return hmac.Equal(sum[:], g.sum[:])
}

// pass is the value of a cookie that is good until end. It does not hold the token, and
// only who has the token can make it.
func (g *tokenGate) pass(end int64) string {
	mac := hmac.New(sha256.New, g.sum[:])
	fmt.Fprintf(mac, "session until %d", end)
	return strconv.FormatInt(end, 10) + "." + hex.EncodeToString(mac.Sum(nil))
}

func (g *tokenGate) logIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	if !g.isToken(strings.TrimSpace(r.PostFormValue("token"))) {
		login(w, http.StatusForbidden, "This is not the token.")
		return
	}
	end := time.Now().Add(session)
	setCookie(w, r, g.pass(end.Unix()), int(session.Seconds()))
}

func logOut(w http.ResponseWriter, r *http.Request) { setCookie(w, r, "", -1) }

// setCookie sets the cookie, and shows the list. A proxy says that it speaks TLS; if that
// is a lie, the browser only keeps the cookie to itself.
func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
	w.Header().Set("Location", "./")
	w.WriteHeader(http.StatusSeeOther)
}

func login(w http.ResponseWriter, code int, wrong string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_ = loginPage.Execute(w, wrong) // nobody is left to hear of it
}
