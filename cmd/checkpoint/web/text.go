package web

import (
	"errors"
	"net/url"
	"regexp"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/driver"
)

// hidden finds what no page shows: a URL, and what looks like a password.
var hidden = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://[^\s"']*|sqlite:[^\s"']*|` +
		`\b(?:password|passwd|pwd|secret|token|api[-_]?key|authorization)["']?\s*[=:]\s*["']?(?:bearer |basic )?[^\s"'&;,]+`)
})

// errorText is the text of an error for a page, without what looks like a URL or a
// password, and with its remedy.
func errorText(err error) string {
	text := err.Error()
	if hint := checkpoint.Hint(err); hint != "" {
		text += "; " + hint
	}
	const most = 500
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return hidden().ReplaceAllString(text, "…")
}

// about is the text of an error of one key, without the name of the call and of the key.
func about(err error) string {
	if e, ok := errors.AsType[*checkpoint.Error](err); ok {
		return errorText(e.Err)
	}
	return errorText(err)
}

// to is the address of a page with these pairs of names and values.
func to(page string, pairs ...string) string {
	values := make(url.Values)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return page
	}
	return page + "?" + values.Encode()
}

func ago(t time.Time) string { return text.Ago(time.Now(), t) }

func exact(t time.Time) string { return t.UTC().Format(driver.TimeLayout) }
