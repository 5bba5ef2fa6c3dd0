package checkpoint

import (
	"regexp"
	"sync"
)

// secrets find what looks like a password: in a URL, and after a word that names one.
var secrets = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(://[^\s/:@]*:)\S*(@)`),
		regexp.MustCompile(`(?i)((?:password|passwd|pwd|secret|token|api[-_]?key|authorization)["']?\s*[=:]\s*["']?(?:bearer |basic )?)[^\s"'&;,]+`),
	}
})

// redact returns text without what looks like a password.
func redact(text string) string {
	for _, r := range secrets() {
		text = r.ReplaceAllString(text, "${1}xxxxx${2}")
	}
	return text
}
