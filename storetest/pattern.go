package storetest

import (
	"slices"
	"strings"

	"github.com/checkpointstore/checkpoint"
)

var patternCases = []Case{
	{
		Name: "pattern/as-the-matcher",
		Rule: "On every engine, a pattern matches exactly the keys that it matches by checkpoint.MatchPattern.",
		run:  patternAsTheMatcher,
	},
	{
		Name: "pattern/records",
		Rule: "ScanRecords matches patterns as Scan does.",
		run: func(c *client) {
			c.put(hostileWrites()...)
			for _, pattern := range patterns {
				var got []string
				for key := range c.records(pattern, 50) {
					got = append(got, key)
				}
				slices.Sort(got)
				c.sameKeys("ScanRecords "+pattern, got, matching(pattern))
			}
		},
	},
	{
		Name: "pattern/whole-key",
		Rule: "A pattern matches the whole key: without a star it is no prefix. The case of letters counts.",
		run: func(c *client) {
			for _, key := range []string{"order", "order-1", "order-10", "Order-1", "an order-1"} {
				c.put(set(key, 1, 0))
			}
			c.lists("order-1", 10, "order-1")
			c.lists("order", 10, "order")
			c.lists("rder-1", 10)
			c.lists("ORDER*", 10)
			c.lists("order-?", 10, "order-1")
			c.lists("*order-1", 10, "order-1", "an order-1")
			c.lists("[oO]rder-1*", 10, "order-1", "order-10", "Order-1")
		},
	},
}

var patterns = slices.Concat(
	strings.Split(`* ** ? ?? ??? a a* *a *a* a? ?a a?b A* [a] [aA] [^a] [^a]* [a-z] [z-a] [a-z]* [A-Z]* [0-9]* [^a-zA-Z]*`, " "),
	strings.Split(`\* \? \[ \] \\ \\* *\\ *\** a\* a\** a\?* \a \a* a\ [\]] [\]]* [\\] [\\]* [\^a]* [\-]* [a\-z]* \[* *\]`, " "),
	strings.Split(`[ [] []] [a [^ [^] [^]* [a- [a-]* [\ [-a] [--a]* *[* *]* **a** ?* *? a**b *:* *:a a:* {*} {a}* *{* *}* ${*`, " "),
	strings.Split(`% %* _ _* a_ a% *%* *_* .* a.b ' "* *'* -- ;* (* *) a|b ^ ^* $ $* + a+ !* [!a]* {a,b} * *k kkk*l * k*k`, " "),
	strings.Split(`é é* ?? e* *🙂* ???? 漢* [é] [é]* *́ É* null NULL N* checkpoint* fence* *fence* *lease* *0* 0?`, " "),
	[]string{"", " ", " *", "* ", "a *", "a  b", "\u00a0*", strings.Repeat("*", 100) + "k", strings.Repeat("?", 512), strings.Repeat("*k", 20)},
)

func matching(pattern string) []string {
	return slices.DeleteFunc(slices.Clone(hostileKeys), func(key string) bool {
		return !checkpoint.MatchPattern(pattern, key)
	})
}

func patternAsTheMatcher(c *client) {
	c.put(hostileWrites()...)
	for _, pattern := range patterns {
		c.lists(pattern, 50, matching(pattern)...)
	}
}
