package redisstore

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed usual.lua
var usualText string

//go:embed one.lua
var oneText string

//go:embed many.lua
var manyText string

//go:embed common.lua
var commonText string

//go:embed change.lua
var changeText string

//go:embed audit.lua
var auditText string

//go:embed script.lua
var writeText string

//go:embed lease.lua
var leaseText string

//go:embed fence.lua
var fenceText string

//go:embed delete.lua
var deleteText string

//go:embed report.lua
var reportText string

//go:embed reports.lua
var reportsText string

//go:embed adopt.lua
var adoptText string

//go:embed convert.lua
var convertText string

//go:embed stored.lua
var storedText string

//go:embed read.lua
var readText string

//go:embed inspect.lua
var inspectText string

var (
	writeScript  = newScript(true, 8, usualText, oneText, commonText, changeText, auditText, writeText)
	manyScript   = newScript(true, 4+5*maxMerged, usualText, manyText)
	leaseScript  = newScript(true, 10, commonText, changeText, auditText, leaseText)
	fenceScript  = newScript(true, 8, commonText, changeText, auditText, fenceText)
	deleteScript = newScript(true, 9, commonText, changeText, auditText, deleteText)

	adoptScript   = newScript(true, 9, commonText, adoptText)
	convertScript = newScript(true, 5, commonText, changeText, convertText)

	readScript    = newScript(false, 5, commonText, storedText, readText)
	inspectScript = newScript(false, 5, commonText, storedText, inspectText)

	// An instance reports every few seconds. So a report is safe to send twice, and worth no
	// waiting for replicas. The operator's notice is sent once.
	reportScript  = newScript(false, 7, commonText, reportText)
	noticeScript  = newScript(true, 7, commonText, reportText)
	reportsScript = newScript(false, 5, commonText, reportsText)
)

// A script is one that Redis runs in one atomic step.
type script struct {
	text, sha any // strings, as commands take them
	changes   bool
	args      int // how many arguments its command usually has
	hasty     bool
}

func newScript(changes bool, args int, parts ...string) *script {
	text := strings.Join(parts, "\n")
	sum := sha1.Sum([]byte(text)) // how Redis names scripts
	return &script{text: text, sha: hex.EncodeToString(sum[:]), changes: changes, args: args}
}

// command calls s for the ith time, with the keys and arguments that args appends. It takes the
// memory of r. A server knows the name of s only after s was called there by its text.
func (s *script) command(ctx context.Context, r *room, byName bool, i int, args func(i int, to []any) []any) command {
	r.grow(1, s.args)
	c := command{once: s.changes, hasty: s.hasty}
	first := len(r.args)
	if byName {
		c.script, r.args = s, append(r.args, "evalsha", s.sha)
	} else {
		r.args = append(r.args, "eval", s.text)
	}
	r.args = args(i, r.args)
	c.Cmd = r.command(ctx, first)
	return c
}

// isNoScript reports whether a server did not know the script, and so ran
// nothing.
func isNoScript(err error) bool { return err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") }

// decodeReply splits a script's answer, which is a code, or a table of a code
// and its details.
func decodeReply(reply any) (code any, d details) {
	if table, ok := reply.([]any); ok && len(table) > 0 {
		return table[0], table[1:]
	}
	return reply, nil
}

// details are the part of a script's answer after its code.
type details []any

func (d details) text(i int) string {
	if i < len(d) {
		if s, ok := d[i].(string); ok {
			return s
		}
	}
	return ""
}
