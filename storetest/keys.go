package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

var keyCases = []Case{
	{
		Name: "keys/apart",
		Rule: "Keys are compared byte for byte: case, spaces at the ends, the form in Unicode and the 512th " +
			"byte all count. No character has a special meaning.",
		run: keysApart,
	},
	{
		Name: "keys/fences-apart",
		Rule: "Fences are told apart as keys are.",
		run:  keysFencesApart,
	},
	{
		Name: "keys/literal-pattern",
		Rule: "A quoted key, as a pattern, finds this key alone, whatever characters the key has.",
		run: func(c *client) {
			c.put(hostileWrites()...)
			for _, key := range hostileKeys {
				c.lists(checkpoint.QuotePattern(key), 10, key)
			}
		},
	},
	{
		Name: "keys/delete-one",
		Rule: "Delete of a key with special characters removes that key alone.",
		run: func(c *client) {
			c.put(hostileWrites()...)
			for i, key := range hostileKeys {
				c.deletes(1, key)
				c.missing(key)
				c.lists("*", 100, hostileKeys[i+1:]...)
			}
		},
	},
}

// hostileKeys are legal keys that some engine, somewhere, has mistaken for
// something else.
var hostileKeys = slices.Concat(
	strings.Split(`a A aa a* a? a[b] [a] [^a] ? * ** \ \\ \* a\ a\*b ] [ [] [a-z] ^ -`, " "),
	strings.Split(`{ } {} {{}} {a} {a}b b{a} a{b}c{d} }{ {a a} ${a} $ $1 %s %d % %25 %00 _ __ a_ a%`, " "),
	strings.Split(`' " '' "" a'b a"b ; -- /* */ ); <a> & | # @ ! ~ = + ( ) , a,b . .. ../a ./a / // a/ /a a//b`, " "),
	strings.Split(`: :: a: :a a:b checkpoint: checkpoint:a fence: a:fence lease:a 0 -1 1e3 0x1 007 null nil NULL true NaN`, " "),
	[]string{
		" ", "  ", " a", "a ", "a b", "a  b", "\u00a0", "a\u00a0", "\u3000", "\u2028",
		"é", "e\u0301", "É", "ß", "SS", "ss", "ı", "i", "I", "İ", "ﬁ", "fi", "Ω", "\u2126",
		"漢字", "🙂", "👩‍👩‍👧", "\u202ea", "\ufeffa", "\u200ba", "\ufffd", "\U0010ffff", "\u0800", "\ud7ff",
		strings.Repeat("k", 511), strings.Repeat("k", 512), strings.Repeat("k", 511) + "l",
		strings.Repeat("🙂", 128), strings.Repeat("*", 512), strings.Repeat("{", 512), strings.Repeat(`\`, 512),
	},
)

// hostileWrites returns a write for each of the keys, with a position of its
// own.
func hostileWrites() []driver.Write {
	var writes []driver.Write
	for i, key := range hostileKeys {
		writes = append(writes, ifNewer(key, uint64(i), uint64(len(key))))
	}
	return writes
}

func keysApart(c *client) {
	writes := hostileWrites()
	c.put(writes...)
	for i, r := range c.read(hostileKeys...) {
		c.matches(r, writes[i])
	}
	c.lists("*", 7, hostileKeys...)
	records := c.records("*", 7)
	for _, w := range writes {
		r, ok := records[w.Key]
		if !ok {
			c.Fatalf("ScanRecords missed %q", w.Key)
		}
		c.matches(r, w)
	}
	for i := range writes {
		writes[i] = expiring(far, at(evening, writes[i]))
		c.gets(driver.Unchanged, writes[i])
		c.gets(driver.Unchanged, touch(writes[i].Key, 2*far))
	}
	for i, r := range c.read(hostileKeys...) {
		c.matches(r, writes[i])
	}
}

func keysFencesApart(c *client) {
	for i, key := range hostileKeys {
		c.put(fenced(uint64(i)+2, set(key, 1, 0)))
	}
	c.deletes(len(hostileKeys), hostileKeys...)
	for i, key := range hostileKeys {
		r := c.gets(driver.Fenced, fenced(1, set(key, 1, 0)))
		if want := uint64(i) + 2; r.Epoch != want {
			c.Fatalf("the fence of %q is at %d, want %d", key, r.Epoch, want)
		}
	}
	c.lists("*", 10)
}

// fill stores n checkpoints with the positions 0/1, 1/2, ... and returns their
// keys.
func (c *client) fill(n int) []string {
	c.Helper()
	var writes []driver.Write
	var keys []string
	for i := range uint64(n) {
		key := fmt.Sprintf("key/%03d", i)
		keys = append(keys, key)
		writes = append(writes, set(key, i, i+1))
	}
	c.put(writes...)
	return keys
}
