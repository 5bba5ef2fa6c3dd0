package engine

import (
	"net/url"
	"strings"
)

// Redact returns the URL without its passwords: the server's, and in a Sentinel's URL
// also the master's, which is in the query. A connection string of libpq, which is no URL, is
// not shown if it has a password.
func Redact(rawURL string) string {
	scheme, rest, ok := strings.Cut(rawURL, ":")
	if scheme == "sqlite" {
		return rawURL
	}
	if strings.Contains(scheme, "=") && strings.Contains(strings.ReplaceAll(strings.ToLower(rawURL), " ", ""), "password=") {
		return "..."
	}
	u, err := url.Parse(rawURL)
	switch at := strings.Count(rawURL, "@"); {
	case at == 0 && !strings.Contains(rest, "?"):
		return rawURL
	case err != nil || at > 1 || at == 1 && (!ok || !strings.HasPrefix(rest, "//") || u.User == nil):
		return scheme + ":..."
	}
	pairs := strings.Split(u.RawQuery, "&")
	shown := true
	for i, pair := range pairs {
		text, err := url.QueryUnescape(pair)
		if err != nil || strings.Contains(strings.ToLower(text), "password") {
			pairs[i], shown = "password=xxxxx", false
		}
	}
	if _, has := u.User.Password(); shown && !has {
		return rawURL
	}
	u.RawQuery = strings.Join(pairs, "&")
	return u.Redacted()
}

// HasPassword reports whether a URL shows a password.
func HasPassword(rawURL string) bool { return Redact(rawURL) != rawURL }
