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
	u, err := url.Parse(rawURL)
	switch at := strings.Count(rawURL, "@"); {
	case isSecretDSN(rawURL):
		return "..."
	case at == 0 && !strings.Contains(rest, "?"):
		return rawURL
	case err != nil || at > 1 || at == 1 && (!ok || !strings.HasPrefix(rest, "//") || u.User == nil):
		return scheme + ":..."
	}
	query, hidden := redactQuery(u.RawQuery)
	if _, has := u.User.Password(); !hidden && !has {
		return rawURL
	}
	u.RawQuery = query
	return u.Redacted()
}

// redactQuery returns a URL's query without passwords, and whether there was one.
func redactQuery(query string) (redacted string, hidden bool) {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		text, err := url.QueryUnescape(pair)
		if err != nil || strings.Contains(strings.ToLower(text), "password") {
			pairs[i], hidden = "password=xxxxx", true
		}
	}
	return strings.Join(pairs, "&"), hidden
}

// isSecretDSN reports whether text is a connection string of libpq with a password.
func isSecretDSN(text string) bool {
	first, _, _ := strings.Cut(text, ":")
	packed := strings.ReplaceAll(strings.ToLower(text), " ", "")
	return strings.Contains(first, "=") && strings.Contains(packed, "password=")
}

// HasPassword reports whether a URL shows a password.
func HasPassword(rawURL string) bool { return Redact(rawURL) != rawURL }
