package cli_test

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/internal/doctortest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

func TestDoctorOnASoundRedis(t *testing.T) {
	server := redistest.Start(t, "appendonly yes", "enable-debug-command yes")
	run(t, "set", "orders", "1", "--epoch", "3", "--store", server.URL())
	before := server.Do("DEBUG", "DIGEST")
	found := examine(t, server.URL())
	doctortest.AllOK(t, found)
	if server.Do("DEBUG", "DIGEST") != before {
		t.Error("doctor changes a key")
	}
	for _, check := range []string{"role", "version", "eviction", "memory", "permissions", "clock", "foreign-keys", "orphans", "leases"} {
		doctortest.Reports(t, found, check, "OK", "")
	}
	doctortest.Reports(t, found, "persistence", "OK", "everysec")
	doctortest.Reports(t, found, "replicas", "OK", "no replica follows")
	doctortest.Reports(t, found, "checkpoints", "OK", "1 checkpoint, none is damaged")
	doctortest.Reports(t, found, "fences", "OK", "1 fence, none is damaged")
	server.Do("CONFIG", "SET", "appendfsync", "always")
	doctortest.Reports(t, examine(t, server.URL()), "persistence", "OK", "always")
}

func TestDoctorOnRedisSettings(t *testing.T) {
	disk := t.TempDir()
	server := redistest.Start(t, "dir "+disk)
	for _, test := range []struct {
		setting, value, query string
		check, level, text    string
	}{
		{"maxmemory-policy", "allkeys-lru", "", "eviction", "FAIL", "allkeys-lru"},
		{"maxmemory-policy", "allkeys-lru", "?accept_eviction=true", "eviction", "WARN", "allkeys-lru, as accept_eviction accepts"},
		{"maxmemory-policy", "volatile-ttl", "", "eviction", "WARN", "volatile-ttl"},
		{"maxmemory-policy", "noeviction", "", "eviction", "OK", "noeviction"},
		{"maxmemory", "100kb", "", "memory", "FAIL", "of 100 KiB are used"},
		{"maxmemory", "0", "", "memory", "OK", "maxmemory is not set"},
		{"save", "", "", "persistence", "FAIL", "nothing is on a disk"},
		{"save", "60 1", "", "persistence", "WARN", "snapshots alone (save 60 1)"},
		{"save", "60 1", "?fsync_aof=true", "persistence", "FAIL", "fsync_aof needs an append-only file"},
		{"appendonly", "yes", "", "persistence", "OK", "everysec"},
		{"appendfsync", "no", "", "persistence", "WARN", "appendfsync is no"},
		{"appendonly", "yes", "?min_replicas=1", "replicas", "FAIL", "0 replicas follow, and each write waits for 1"},
		{"min-replicas-to-write", "2", "", "replicas", "FAIL", "takes no write without 2"},
	} {
		server.Do("CONFIG", "SET", test.setting, test.value)
		doctortest.Reports(t, examine(t, server.URL()+test.query), test.check, test.level, test.text)
	}
	server.Do("CONFIG", "SET", "appendonly", "no")
	if err := os.RemoveAll(disk); err != nil {
		t.Fatal(err)
	}
	server.Do("BGSAVE")
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if strings.Contains(server.Do("INFO", "persistence").(string), "rdb_last_bgsave_status:err") {
			break
		}
	}
	doctortest.Reports(t, examine(t, server.URL()), "persistence", "FAIL", "the last snapshot failed")
}

func TestDoctorOnReplicas(t *testing.T) {
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	doctortest.Reports(t, examine(t, master.URL()), "replicas", "WARN", "1 replica follows, and each write waits for 0")
	doctortest.Reports(t, examine(t, master.URL()+"?min_replicas=1"), "replicas", "OK", "waits for all")
	doctortest.Reports(t, examine(t, replica.URL()), "role", "FAIL", "is a replica")
	sentinel := redistest.StartSentinel(t, "main", master)
	found := examine(t, sentinel.URL()+"?master_name=main")
	doctortest.Reports(t, found, "role", "OK", "")
	doctortest.Reports(t, found, "replicas", "WARN", "1 replica follows")
}

func TestDoctorOnACluster(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0, "appendonly yes")
	url := nodes[0].URL() + "?cluster=true"
	run(t, "set", "orders", "1", "--store", url)
	found := examine(t, url)
	doctortest.AllOK(t, found)
	doctortest.Reports(t, found, "cluster", "OK", "all slots")
	doctortest.Reports(t, found, "version", "OK", "the first of 3 masters")
	nodes[2].Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	doctortest.Reports(t, examine(t, url), "eviction", "FAIL", nodes[2].Addr()+": maxmemory-policy is allkeys-lru")
	doctortest.Reports(t, examine(t, nodes[0].URL()), "role", "FAIL", "is a node of a cluster")
	for _, n := range nodes {
		n.Do("CLUSTER", "DELSLOTS", "16000")
	}
	doctortest.Reports(t, examine(t, url), "cluster", "FAIL", "the cluster serves 16383 of 16384 slots")
	nodes[1].Kill()
	found = examine(t, url)
	doctortest.Reports(t, found, "cluster", "FAIL", "")
	doctortest.Reports(t, found, "store", "FAIL", nodes[1].Addr())
}

// The rule of docs/redis.md suffices, and what a user lacks is named.
func TestDoctorAsAUser(t *testing.T) {
	server := redistest.Start(t, "appendonly yes")
	server.Do("HSET", "prod:checkpoint:orders", "commit", "1", "prepare", "1")
	rule := aclRule(t)
	url := "redis://checkpoint:secret@" + server.Addr() + "/0?namespace=prod:"
	is := func(change ...string) []doctortest.Finding {
		t.Helper()
		server.Do(append(append([]string{"ACL", "SETUSER"}, rule...), change...)...)
		return examine(t, url)
	}
	found := is()
	doctortest.Reports(t, found, "permissions", "OK", "")
	doctortest.Reports(t, found, "persistence", "WARN", "appendfsync is not known")
	doctortest.Reports(t, found, "foreign-keys", "WARN", "could not be made")
	doctortest.AllOK(t, found, "persistence", "foreign-keys")
	for _, word := range rule {
		command, ok := strings.CutPrefix(word, "+")
		if !ok || slices.Contains([]string{"select", "wait", "asking", "cluster|nodes", "cluster|slots"}, command) {
			continue // which this URL does not need
		}
		found := is("-" + command)
		if !slices.ContainsFunc(found, func(f doctortest.Finding) bool {
			return f.Level != "OK" && strings.Contains(strings.ToLower(f.Text), command)
		}) {
			t.Errorf("without +%s doctor names no such command: %+v", command, found)
		}
	}
	doctortest.Reports(t, is("-hset"), "permissions", "FAIL", "HSET")
	doctortest.Reports(t, is("-lrange"), "permissions", "WARN", "cannot read who changed a key")
	for _, part := range []string{"fence", "audit", "samples", "reports"} {
		without := []string{"resetkeys"}
		for _, word := range rule {
			if strings.HasPrefix(word, "~") && word != "~prod:checkpoint-"+part+":*" {
				without = append(without, word)
			}
		}
		doctortest.Reports(t, is(without...), "permissions", "FAIL", "EVAL with the key \"prod:checkpoint-"+part+":")
	}
	doctortest.Reports(t, is("-publish"), "permissions", "WARN", "no standby can be woken")
	doctortest.Reports(t, is("resetchannels"), "permissions", "WARN", "no standby can be woken")
	doctortest.Reports(t, is("-info"), "eviction", "WARN", "could not be made")
	is("-wait")
	doctortest.Reports(t, examine(t, url+"&min_replicas=1"), "permissions", "FAIL", "WAIT")
}

// aclRule is the rule of docs/redis.md, word by word, after ACL SETUSER.
func aclRule(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, _ := strings.Cut(string(text), "```acl\nACL SETUSER ")
	rule, _, _ = strings.Cut(rule, "```")
	return strings.Fields(rule)
}

func TestDoctorOnContents(t *testing.T) {
	server := redistest.Start(t, "appendonly yes")
	for i := range 12 {
		server.Do("HSET", fmt.Sprintf("checkpoint:bad/%02d", i), "commit", "x")
	}
	server.Do("HSET", "checkpoint:k", "commit", "1", "prepare", "1", "epoch", "5")
	server.Do("HSET", "checkpoint:leased", "commit", "1", "prepare", "1", "epoch", "1")
	server.Do("HSET", "checkpoint-fence:{checkpoint:leased}", "epoch", "1", "owner", "a", "leaseEpoch", "1", "until", "x")
	server.Do("HSET", "checkpoint:idle", "commit", "1", "prepare", "1", "epoch", "1")
	server.Do("HSET", "checkpoint-fence:{checkpoint:idle}", "epoch", "1", "owner", "a", "leaseEpoch", "1", "until", "1000", "granted", "1")
	server.Do("HSET", "checkpoint-fence:{checkpoint:gone}", "epoch", "4")
	server.Do("HSET", "checkpoint:bad\nkey", "commit", "1", "prepare", "1")
	server.Do("LPUSH", "checkpoint:list", "a")
	server.Do("SET", "checkpoint-fence:text", "a")
	server.Do("SET", "checkpoint-audit:text", "a")
	server.Do("SET", "checkpoint-samples:text", "a")
	server.Do("SET", "checkpoint-reports:text", "a")
	server.Do("HSET", "checkpoint:big", "commit", "1", "prepare", "1", "note", strings.Repeat("x", 20_000))
	found := examine(t, server.URL())
	doctortest.Reports(t, found, "checkpoints", "FAIL", "13 checkpoints are damaged: ")
	doctortest.Reports(t, found, "checkpoints", "FAIL", " and 3 more")
	doctortest.Reports(t, found, "fences", "FAIL", `1 fence is damaged: "k"`)
	doctortest.Reports(t, found, "leases", "FAIL", `1 lease is damaged: "leased"`)
	doctortest.Reports(t, found, "leases", "WARN", `1 lease ended more than a day ago, and nobody has taken over: "idle"`)
	doctortest.Reports(t, found, "orphans", "OK", `1 fence stands without a checkpoint: "gone"`)
	doctortest.Reports(t, found, "keys", "WARN", `"bad\nkey"`)
	doctortest.Reports(t, found, "foreign-keys", "FAIL", `"checkpoint:list"`)
	doctortest.Reports(t, found, "foreign-keys", "FAIL", `"checkpoint-fence:text"`)
	doctortest.Reports(t, found, "foreign-keys", "FAIL", `"checkpoint-audit:text"`)
	doctortest.Reports(t, found, "foreign-keys", "FAIL", `"checkpoint-samples:text"`)
	doctortest.Reports(t, found, "foreign-keys", "FAIL", `"checkpoint-reports:text"`)
	doctortest.Reports(t, found, "foreign-keys", "WARN", `"checkpoint:big"`)
	found = examine(t, server.URL()+"?prefix=checkpoint:")
	doctortest.Reports(t, found, "fences", "WARN", "has no fences")
}

func TestDoctorWithoutARedis(t *testing.T) {
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	locked := redistest.Start(t, "requirepass secret")
	doctortest.Reports(t, examine(t, "redis://me:sesame@127.0.0.1:1"), "store", "FAIL", "cannot reach Redis at 127.0.0.1:1: connection refused")
	doctortest.Reports(t, examine(t, "redis://127.0.0.1:1?cluster=true"), "store", "FAIL", "127.0.0.1:1")
	doctortest.Reports(t, examine(t, "redis://"+silent.Addr().String(), "--timeout", "300ms"), "store", "FAIL", "no answer from redis://")
	doctortest.Reports(t, examine(t, "redis://:sesame@"+locked.Addr()), "store", "FAIL", "refuses the user or the password")
}
