package redisstore

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed usual.lua
var usualText string

//go:embed common.lua
var commonText string

//go:embed script.lua
var writeText string

//go:embed lease.lua
var leaseText string

//go:embed fence.lua
var fenceText string

//go:embed stored.lua
var storedText string

//go:embed read.lua
var readText string

//go:embed inspect.lua
var inspectText string

var (
	writeScript = newScript(true, usualText, commonText, writeText)
	leaseScript = newScript(true, commonText, leaseText)
	fenceScript = newScript(true, commonText, fenceText)

	readScript    = newScript(false, commonText, storedText, readText)
	inspectScript = newScript(false, commonText, storedText, inspectText)
)

// A script is one that Redis runs in one atomic step.
type script struct {
	text, sha any // strings, as commands take them
	changes   bool
}

func newScript(changes bool, parts ...string) *script {
	text := strings.Join(parts, "\n")
	sum := sha1.Sum([]byte(text)) // how Redis names scripts
	return &script{text, hex.EncodeToString(sum[:]), changes}
}

// call appends to args what calls s, but for its keys and arguments. By its
// name a server knows it only once it was called by its text.
func (s *script) call(args []any, byName bool) []any {
	if byName {
		return append(args, "evalsha", s.sha)
	}
	return append(args, "eval", s.text)
}

// isNoScript reports that a server did not know the script, and ran nothing.
func isNoScript(err error) bool { return err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") }

// decodeReply splits what a script answers: a code, or a table of a code and
// its detail.
func decodeReply(reply any) (code any, d details) {
	if table, ok := reply.([]any); ok && len(table) > 0 {
		return table[0], table[1:]
	}
	return reply, nil
}

// details are what a script says besides its code.
type details []any

func (d details) text(i int) string {
	if i < len(d) {
		if s, ok := d[i].(string); ok {
			return s
		}
	}
	return ""
}
