package redisstore_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// aclCluster runs useEverything on a cluster as the user of a rule.
type aclCluster struct {
	nodes []*redistest.Server
	admin *redis.ClusterClient
}

func (c *aclCluster) use(t *testing.T, rule []string) error {
	t.Helper()
	for _, n := range c.nodes {
		n.Do("FLUSHALL")
		n.Do("ACL", "DELUSER", rule[0])
		n.Do(slices.Concat([]string{"ACL", "SETUSER"}, rule)...)
	}
	must(c.admin.Set(t.Context(), "prod:checkpoint:older", "1@1", 0).Result())
	must(c.admin.LPush(t.Context(), "prod:checkpoint:list", "a").Result())
	var addrs []string
	for _, n := range c.nodes {
		n.Do("SCRIPT", "FLUSH") // so that EVAL is needed again
		addrs = append(addrs, n.Addr())
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, Username: rule[0], Password: "secret", MaxRetries: -1})
	defer client.Close()
	d, err := redisstore.Open(t.Context(), "redis://"+rule[0]+":secret@"+c.nodes[0].Addr(), nil)
	if err != nil {
		return err
	}
	d.Close()
	return useEverything(t, checkpoint.New(redisstore.New(client, &redisstore.Options{Namespace: "prod:"}), nil))
}

func TestClusterUnderTheDocumentedACLWhichIsMinimal(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	c := &aclCluster{nodes, cluster(t, nodes)}
	rule := strings.Fields(strings.ReplaceAll(documentedACL(t), "test*:", "prod:"))
	if err := c.use(t, rule); err != nil {
		t.Fatalf("as the documented user: %v", err)
	}
	for i, word := range rule {
		if !strings.HasPrefix(word, "+") && !strings.HasPrefix(word, "~") {
			continue
		}
		if err := c.use(t, slices.Delete(slices.Clone(rule), i, i+1)); err == nil {
			t.Errorf("nothing needs %s", word)
		}
	}
}
