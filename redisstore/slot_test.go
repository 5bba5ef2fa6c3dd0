package redisstore

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/redistest"
)

var (
	taggedNamespaces = []string{"", "prod:", "{a}", "{a}:", "x{a}{", "{a}}", "checkpoint:"}
	taggedKeys       = []string{
		"a", "b", "order-processor", "{a}", "{b}", "{a}b", "b{a}", "a{b}c{d}", "{a}{b}", "{{a}}", "{a}}", "{{a}", "{}", "{}a", "a{}",
		"{}{a}", "{", "}", "}{", "}{a}", "{a", "a}", "a}:b", "}:a", "{prod:checkpoint:a}", "{checkpoint:a}", "checkpoint:a",
		"checkpoint-fence:{a}", "0}:a", "1}:{", " ", "日本", "{日}",
	}
)

// randomKeys are made of what matters to the tags of a cluster.
func randomKeys(n int) []string {
	parts := []string{"{", "}", ":", "a", "b", "0", "prod", "checkpoint:"}
	r := rand.New(rand.NewPCG(1, 2))
	keys := make([]string, n)
	for i := range keys {
		var b strings.Builder
		for range 1 + r.IntN(8) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		keys[i] = b.String()
	}
	return keys
}

func TestCompanionsAreInTheSlotOfTheirCheckpoint(t *testing.T) {
	server := redistest.StartCluster(t, 1, 0)[0]
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	for _, namespace := range taggedNamespaces {
		d, err := New(client, &Options{Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		pipe := client.Pipeline()
		var asked []string
		ask := func(key string) {
			asked = append(asked, key)
			pipe.ClusterKeySlot(t.Context(), key)
		}
		for _, key := range append(randomKeys(25), taggedKeys...) {
			ask(d.prefix + key)
			ask(d.fenceKey(key))
			ask(d.prefix + key)
			ask(d.nudgeKey(d.prefix + key))
			ask(d.fenceKey(key))
			ask(d.nudgeKey(d.fenceKey(key)))
			ask(d.prefix + key)
			ask(d.auditKey(key))
			samples, hours := d.samplesKeys(key)
			ask(d.prefix + key)
			ask(samples)
			ask(d.prefix + key)
			ask(hours)
			ask(d.prefix + key)
			ask(d.reportsKey(key))
		}
		answers, err := pipe.Exec(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slotOf := func(i int) int64 { return answers[i].(*redis.IntCmd).Val() }
		for i := 0; i < len(asked); i += 2 {
			if slotOf(i) != slotOf(i+1) {
				t.Errorf("%q is in slot %d, its companion %q in slot %d", asked[i], slotOf(i), asked[i+1], slotOf(i+1))
			}
			if got := slot(asked[i]); int64(got) != slotOf(i) {
				t.Errorf("slot(%q) = %d, Redis says %d", asked[i], got, slotOf(i))
			}
		}
	}
}

func TestCompanionsAreDistinctAndNoCheckpoints(t *testing.T) {
	for _, namespace := range taggedNamespaces {
		d := &Driver{namespace: namespace, prefix: namespace + "checkpoint:"}
		of := make(map[string]string)
		for _, key := range append(randomKeys(60), taggedKeys...) {
			for part, companion := range map[string]string{
				"fence of ": d.fenceKey(key), "entries of ": d.auditKey(key),
				"samples of ": d.companion(samplesPrefix, key), "hours of ": d.companion(hoursPrefix, key),
				"reports of ": d.reportsKey(key),
			} {
				if other, taken := of[companion]; taken && other != part+key {
					t.Errorf("in namespace %q the %q and the %q share the key %q", namespace, part+key, other, companion)
				}
				of[companion] = part + key
				if strings.HasPrefix(companion, d.prefix) {
					t.Errorf("in namespace %q the key %q of the %q looks like a checkpoint", namespace, companion, part+key)
				}
			}
		}
	}
}

// A fence that moves is a fence that is lost. So are audit entries.
func TestCompanionsStayWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ namespace, key, want string }{
		{"prod:", "orders", "prod:checkpoint-fence:{prod:checkpoint:orders}"},
		{"", "orders", "checkpoint-fence:{checkpoint:orders}"},
		{"prod:", "{eu}orders", "prod:checkpoint-fence:{eu}:{eu}orders"},
		{"prod:", "orders}", "prod:checkpoint-fence:{1820}:orders}"},
		{"prod:", "{}", "prod:checkpoint-fence:{41790}:{}"},
		{"{eu}:", "orders", "{eu}:checkpoint-fence:{0}:orders"},
	} {
		d := &Driver{namespace: c.namespace, prefix: c.namespace + "checkpoint:"}
		if got := d.fenceKey(c.key); got != c.want {
			t.Errorf("in namespace %q the fence of %q is %q, want %q", c.namespace, c.key, got, c.want)
		}
		want := strings.Replace(c.want, "checkpoint-fence:", "checkpoint-audit:", 1)
		if got := d.auditKey(c.key); got != want {
			t.Errorf("in namespace %q the entries of %q are at %q, want %q", c.namespace, c.key, got, want)
		}
	}
}
