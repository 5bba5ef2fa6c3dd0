package redisstore_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// awkward are texts that mean something to Redis, its patterns or its cluster.
var awkward = []string{
	"*", "?", "[a-z]:", "[^x]", "[", "]", `\`, `\*`, `\\`, "a*:", "**", "a?c:", `"`, "'", "`", "$(x)", "%s", "%00",
	"{a}", "{", "}", "}{", "{}", "{}{a}", "{{a}}", "{a", "a}", " ", "  a ", "a:b::", "checkpoint:", "checkpoint:checkpoint:",
	"checkpoint-fence:", "checkpoint-fence:{", "checkpoint-audit:{", "checkpoint-samples:{", "checkpoint-reports:{", "日本:", "é", "e\u0301", "🧭", "\u00a0", "\u200b", "\ufeff",
	strings.Repeat("n", 512), strings.Repeat("*", 512),
}

func TestNamespacesAreIsolated(t *testing.T) {
	server := redistest.Start(t)
	client := standalone(t, server)
	all := append([]string{"", "prod:", "abc:", "x"}, awkward...)
	// These lie within another namespace, by the layout: Options says so.
	all = slices.DeleteFunc(all, func(n string) bool { return strings.Contains(n, "checkpoint") })
	// And braces must make a tag.
	all = slices.DeleteFunc(all, func(n string) bool {
		return strings.ContainsAny(n, "{}") && !strings.Contains(n, "{a}") || n == "{}{a}"
	})
	stores := make([]*checkpoint.Store, len(all))
	for i, namespace := range all {
		stores[i] = inNamespace(t, client, namespace)
		must(stores[i].Rewind(t.Context(), "orders", at(uint64(i), 0)))
		must(stores[i].SetIfNewer(t.Context(), "{tag}", at(uint64(i), 1)))
	}
	for i, s := range stores {
		want := map[string]checkpoint.Position{"orders": at(uint64(i), 0), "{tag}": at(uint64(i), 1)}
		got := make(map[string]checkpoint.Position)
		for key, c := range must(checkpoint.Collect(s.GetAll(t.Context(), "*"))) {
			got[key] = c.Position
		}
		if !maps.Equal(got, want) {
			t.Errorf("namespace %q holds %v, want %v", all[i], got, want)
		}
	}
	left := server.Do("DBSIZE").(int64)
	if want := int64(4 * len(all)); left != want {
		t.Errorf("the server holds %d keys, want %d: two checkpoints, a fence and an audit entry each", left, want)
	}
	for i, s := range stores {
		if n := must(s.Clear(t.Context(), "*")); n != 2 {
			t.Errorf("Clear of namespace %q removed %d, want 2", all[i], n)
		}
		// Two checkpoints go, and the one that had no audit entry gets one.
		if now := server.Do("DBSIZE").(int64); now != left-1 {
			t.Errorf("Clear of namespace %q removed %d of all keys, want 1", all[i], left-now)
		}
		left--
	}
}

func TestAwkwardKeysAreOrdinary(t *testing.T) {
	server := redistest.Start(t)
	client := standalone(t, server)
	for _, namespace := range []string{"prod:", "{a}*"} {
		store := inNamespace(t, client, namespace)
		for i, key := range awkward {
			must(store.Rewind(t.Context(), key, at(uint64(i), 7)))
		}
		keys := slices.Collect(maps.Keys(must(store.GetMany(t.Context(), awkward...))))
		if len(keys) != len(awkward) {
			t.Errorf("in namespace %q GetMany finds %d of %d keys", namespace, len(keys), len(awkward))
		}
		for i, key := range awkward {
			if c, err := store.Get(t.Context(), key); err != nil || c.Position != at(uint64(i), 7) || c.Epoch != 1 {
				t.Errorf("in namespace %q %q is %+v, %v", namespace, key, c, err)
			}
			if n := must(store.Clear(t.Context(), checkpoint.QuotePattern(key))); n != 1 {
				t.Errorf("in namespace %q Clear of %q alone removed %d", namespace, key, n)
			}
		}
	}
}

func TestInvalidOptionsAreRefused(t *testing.T) {
	server := redistest.Start(t)
	for _, c := range []struct {
		name string
		opts redisstore.Options
		want string
	}{
		{"a namespace of 513 bytes", redisstore.Options{Namespace: strings.Repeat("n", 513)}, "Namespace has 513 bytes"},
		{"a prefix of 513 bytes", redisstore.Options{Prefix: strings.Repeat("n", 513)}, "Prefix has 513 bytes"},
		{"a zero byte", redisstore.Options{Namespace: "a\x00"}, "control character U+0000 at byte 1"},
		{"a newline", redisstore.Options{Namespace: "\n"}, "control character U+000A at byte 0"},
		{"a C1 control character", redisstore.Options{Namespace: "ab\u0085"}, "control character U+0085 at byte 2"},
		{"invalid UTF-8", redisstore.Options{Namespace: "a\xff"}, "Namespace \"a\\xff\" is not valid UTF-8"},
		{"invalid UTF-8 in the prefix", redisstore.Options{Prefix: "\xc3"}, "Prefix \"\\xc3\" is not valid UTF-8"},
		{"a lone brace", redisstore.Options{Namespace: "prod{:"}, "brace that belongs to no hash tag"},
		{"the other lone brace", redisstore.Options{Namespace: "}"}, "brace that belongs to no hash tag"},
		{"an empty tag", redisstore.Options{Namespace: "{}{a}"}, "brace that belongs to no hash tag"},
		{"both", redisstore.Options{Namespace: "a", Prefix: "b"}, "Namespace and Prefix are both set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := redisstore.New(standalone(t, server), &c.opts); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("New is %v, want %q", err, c.want)
			}
			if _, err := redisstore.Open(t.Context(), server.URL(), &c.opts); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open is %v, want %q", err, c.want)
			}
		})
	}
	stats := server.Do("INFO", "commandstats").(string)
	for _, command := range []string{"evalsha", "eval", "hmget", "get", "getrange", "scan", "unlink", "hello"} {
		if strings.Contains(stats, "cmdstat_"+command+":") {
			t.Errorf("the server saw %s", command)
		}
	}
}

func TestPrefixIsAnotherLayoutWithoutFences(t *testing.T) {
	server := redistest.Start(t)
	client := standalone(t, server)
	store := checkpoint.New(must(redisstore.New(client, &redisstore.Options{Prefix: "old*:"})), nil)
	t.Cleanup(func() { store.Close() })
	must(store.SetIfNewer(t.Context(), "orders", at(1, 2)))
	server.Do("SET", "old*:older", "3@4")
	server.Do("HSET", "older:other", "commit", "1", "prepare", "1")
	all := must(checkpoint.Collect(store.GetAll(t.Context(), "*")))
	if len(all) != 2 || all["orders"].Position != at(1, 2) || all["older"].Position != at(3, 4) {
		t.Errorf("GetAll is %v", all)
	}
	const want = "has no fences"
	_, err := store.Rewind(t.Context(), "orders", at(1, 1))
	_, ifNewerErr := store.SetIfNewer(t.Context(), "orders", at(9, 9), checkpoint.Epoch(1))
	_, acquireErr := store.Acquire(t.Context(), "orders", "a", time.Hour)
	_, renewErr := store.Renew(t.Context(), checkpoint.Lease{Key: "orders", Owner: "a", Epoch: 1}, time.Hour)
	for name, err := range map[string]error{
		"Acquire":                  acquireErr,
		"Renew":                    renewErr,
		"Release":                  store.Release(t.Context(), checkpoint.Lease{Key: "orders", Owner: "a", Epoch: 1}),
		"Rewind":                   err,
		"SetIfNewer with an epoch": ifNewerErr,
		"Set with an epoch":        store.Set(t.Context(), "orders", at(9, 9), checkpoint.Epoch(1)),
	} {
		if !errors.Is(err, checkpoint.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %v, want ErrUnsupported and %q", name, err, want)
		}
	}
	got, err := store.Apply(t.Context(), checkpoint.Write{Key: "a"}, checkpoint.Write{Key: "b", Mark: checkpoint.Mark{Epoch: 1}}, checkpoint.Write{Key: "c"})
	if !slices.Equal(got, []checkpoint.Outcome{checkpoint.Advanced, checkpoint.Failed, checkpoint.Advanced}) || err == nil {
		t.Errorf("Apply is %v, %v, want only the write with an epoch Failed", got, err)
	}
	if c := must(store.Get(t.Context(), "orders")); c.Position != at(1, 2) {
		t.Errorf("the refused writes left %v", c.Position)
	}
	wantKeys(t, server, "old*:a", "old*:c", "old*:older", "old*:orders", "older:other")
}
