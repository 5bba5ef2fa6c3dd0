package redisstore

import (
	"cmp"
	"context"

	"github.com/redis/go-redis/v9"
)

// A bundle is writes of keys in one slot that one call of manyScript makes.
type bundle struct {
	writes []*command
	before any // of all that have one: the others are asked for a sample for nothing
	keys   []any
	values []any // of manyScript, behind before
	byText bool
	call   command
}

// A bundleOf tells which writes may be in one bundle.
type bundleOf struct {
	slot   uint16
	fenced bool
}

// isUsual reports whether a call of writeScript may be a usual write: writeArgs appends the
// epoch at most.
func (c *command) isUsual() bool {
	switch args := c.Args(); args[2] {
	case "1":
		return len(args) <= 8
	case "2":
		return len(args) == 10
	}
	return false
}

// bundle puts a usual write into a bundle, which is one of open if that has room.
func (s *shipment) bundle(p *pipelines, open map[bundleOf]*bundle, c *command) {
	args := c.Args()
	of := bundleOf{fenced: args[2] == "2"}
	if p.cluster != nil {
		of.slot = slot(c.key())
	}
	keys := args[firstKey:]
	if keys = keys[:1]; of.fenced {
		keys = keys[:2]
	}
	values := args[firstKey+len(keys):]
	var before any = ""
	if len(values) > 3 {
		before = values[3]
	}
	b := open[of]
	if b == nil || len(b.writes) == maxMerged || before != "" && b.before != nil && b.before != before {
		most := min(maxMerged, s.most)
		b = &bundle{writes: make([]*command, 0, most), keys: make([]any, 0, most*len(keys)), values: make([]any, 0, most*(2+len(keys)))}
		open[of] = b
		s.bundles = append(s.bundles, b)
	}
	if b.writes, b.keys = append(b.writes, c), append(b.keys, keys...); before != "" {
		b.before = before
	}
	if b.values = append(b.values, values[:3]...); of.fenced {
		b.values = append(b.values, values[4])
	}
}

func (b *bundle) close(ctx context.Context) {
	b.call = manyScript.command(ctx, new(room), !b.byText, 0, func(_ int, to []any) []any {
		return append(append(append(append(to, len(b.keys)), b.keys...), cmp.Or(b.before, any(""))), b.values...)
	})
}

// didNotRun reports whether err is an answer which shows that manyScript did not run: the script
// raises no error. In a cluster, the answer may be of an earlier attempt: see neverRan.
func (p *pipelines) didNotRun(err error) bool {
	if p.cluster != nil && !p.confirm.asked() {
		return hasPrefix(err, refusals) || isDenied(err)
	}
	return fromServer(err) && !isRedirect(err)
}

// isRedirect reports whether a node of a cluster has pointed to another one. The client may have
// followed, and lost the answer: see neverRan.
func isRedirect(err error) bool {
	return redis.HasErrorPrefix(err, "MOVED") || redis.HasErrorPrefix(err, "ASK")
}

// settle gives each write its answer. It returns the writes that go on to the whole script,
// and whether the server does not know manyScript.
func (b *bundle) settle(p *pipelines) (left []*command, unknown bool) {
	answers, isList := b.call.Val().([]any)
	err := b.call.Err()
	switch {
	case isNoScript(err) && !b.byText:
		b.byText = true
		return nil, true
	case p.didNotRun(err):
		return b.writes, false
	case err == nil && (!isList || len(answers) != len(b.writes)):
		err = unexpected("the script", b.call.Val())
	}
	for i, c := range b.writes {
		switch {
		case err != nil:
			c.SetErr(err)
		case answers[i] == int64(0):
			left = append(left, c)
		default:
			c.SetVal(answers[i])
		}
	}
	return left, false
}
