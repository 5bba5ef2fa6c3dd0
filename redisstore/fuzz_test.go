package redisstore

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

func fuzzDriver(f *testing.F) *Driver {
	f.Helper()
	client := redis.NewClient(&redis.Options{Addr: redistest.Start(f).Addr()})
	f.Cleanup(func() { client.Close() })
	d, err := New(client, &Options{Namespace: "prod:"})
	if err != nil {
		f.Fatal(err)
	}
	return d
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"0", "12", "18446744073709551615", "18446744073709551616", "012", "-1", "+1", " 1", "", "1e3", "1_0", "٣"} {
		f.Add(s, "34", "2026-01-02T03:04:05.006Z", "7", byte(15))
		f.Add("34", s, "", s, byte(11))
	}
	for _, s := range []string{"2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.9999+02:00", "10000-01-01T00:00:00.000Z", "now"} {
		f.Add("12", "34", s, "", byte(7))
	}
	f.Fuzz(func(t *testing.T, commit, prepare, updatedAt, epoch string, present byte) {
		texts := []string{commit, prepare, updatedAt, epoch}
		fields := make([]any, len(texts)+1) // no logId
		for i, s := range texts {
			if present>>i&1 == 1 {
				fields[i] = s
			}
		}
		var r driver.Record
		if err := new(Driver).decodeFields(&r, fields); err != nil {
			if !errors.Is(err, checkpoint.ErrCorrupt) || !utf8.ValidString(err.Error()) || len(err.Error()) > 1000 {
				t.Errorf("the error of %q is %q", fields, err)
			}
			return
		}
		number := func(i int, n uint64) {
			if s := strconv.FormatUint(n, 10); fields[i] != s {
				t.Errorf("%q is read as %s", fields[i], s)
			}
		}
		number(0, r.Position.Commit)
		number(1, r.Position.Prepare)
		if fields[3] != nil {
			number(3, r.Epoch)
		} else if r.Epoch != 0 {
			t.Errorf("no epoch is read as %d", r.Epoch)
		}
		if fields[2] == nil && !r.UpdatedAt.IsZero() {
			t.Errorf("no updatedAt is read as %v", r.UpdatedAt)
		}
		if r.UpdatedAt.Location() != time.UTC || r.UpdatedAt.Nanosecond()%1e6 != 0 {
			t.Errorf("updatedAt %q is read as %v", updatedAt, r.UpdatedAt)
		}
	})
}

// FuzzCanonical checks that Go and the script, which each read what is stored,
// take the same for damaged.
func FuzzCanonical(f *testing.F) {
	d := fuzzDriver(f)
	for _, s := range []string{
		"12@34", "0@0", "18446744073709551615@18446744073709551615", "18446744073709551616@1", "1@18446744073709551616", "01@2",
		"1@00", "@", "1@", "@1", "1@2@3", "12", "", "+1@2", "1@-2", "1.0@2", "1@2\n", "1@2\x00", "\xff@1", "٣@1", "99999999999999999999@9",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ctx := t.Context()
		position, goErr := (&Driver{prefix: "prod:checkpoint:", fenced: true}).decodeOlder("k", text)
		if goErr == nil && strconv.FormatUint(position.Commit, 10)+"@"+strconv.FormatUint(position.Prepare, 10) != text {
			t.Errorf("%q is read as %v", text, position)
		}
		stored := map[string]func() error{
			"string": func() error { return d.client.Set(ctx, "prod:checkpoint:k", text, 0).Err() },
		}
		if commit, prepare, ok := strings.Cut(text, "@"); ok {
			stored["hash"] = func() error {
				return d.client.HSet(ctx, "prod:checkpoint:k", "commit", commit, "prepare", prepare).Err()
			}
		}
		for form, store := range stored {
			if err := errors.Join(d.client.Unlink(ctx, "prod:checkpoint:k").Err(), store()); err != nil {
				t.Fatal(err)
			}
			results, _ := d.Write(ctx, []driver.Write{{Key: "k", Mark: driver.Mark{Position: driver.Position{}, UpdatedAt: time.Unix(0, 0)}, Mode: driver.IfNewer}})
			if luaErr := results[0].Err; (goErr == nil) != (luaErr == nil) || luaErr != nil && !errors.Is(luaErr, checkpoint.ErrCorrupt) {
				t.Errorf("of the %s %q Go says %v, the script %v", form, text, goErr, luaErr)
			}
		}
	})
}

// FuzzPattern checks checkpoint.MatchPattern, which other engines rely on,
// against Redis' own matching.
func FuzzPattern(f *testing.F) {
	d := fuzzDriver(f)
	for _, c := range [][2]string{
		{"*", "a"},
		{"", "a"},
		{"a*", "abc"},
		{"*c", "abc"},
		{"a?c", "abc"},
		{"[abc]", "b"},
		{"[^abc]", "b"},
		{"[a-c]", "b"},
		{"[c-a]", "b"},
		{"[", "["},
		{"[a", "a"},
		{"[]", "]"},
		{"[^]", "a"},
		{"[^", "^"},
		{`\`, `\`},
		{`\*`, "*"},
		{`[\]]`, "]"},
		{`[\`, `\`},
		{"[a-", "-"},
		{"[-a]", "-"},
		{"[a-]", "-"},
		{"**a**", "bab"},
		{"?", "é"},
		{"[é]", "é"},
		{"[à-ü]", "é"},
		{"a**?b*[c]", "axbyc"},
		{`a\`, `a\`},
		{"*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaa"},
		{"[z-\x80]*", "é"},
		{"\xff", "a"},
		{"{a}*", "{a}b"},
	} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, pattern, key string) {
		if key == "" || len(key) > 512 || !utf8.ValidString(key) {
			t.Skip("not a key")
		}
		ctx := t.Context()
		if err := d.client.HSet(ctx, "prod:checkpoint:"+key, "commit", "1", "prepare", "1").Err(); err != nil {
			t.Fatal(err)
		}
		found := false
		for page, err := range d.Scan(ctx, pattern, 1000) {
			if err != nil {
				t.Fatal(err)
			}
			found = found || len(page) > 0
		}
		if err := d.client.Unlink(ctx, "prod:checkpoint:"+key).Err(); err != nil {
			t.Fatal(err)
		}
		if got := checkpoint.MatchPattern(pattern, key); got != found {
			t.Errorf("MatchPattern(%q, %q) is %v, Redis says %v", pattern, key, got, found)
		}
	})
}
