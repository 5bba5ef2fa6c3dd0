package redisstore_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// place is where a Redis key of a cluster is: its slot, the master that has it,
// and one that has not.
func place(t *testing.T, nodes []*redistest.Server, redisKey string) (slot string, owner, other *redistest.Server) {
	t.Helper()
	n := nodes[0].Do("CLUSTER", "KEYSLOT", redisKey).(int64)
	i := len(nodes) - 1
	for int(n) < i*16384/len(nodes) {
		i--
	}
	return strconv.FormatInt(n, 10), nodes[i], nodes[(i+1)%len(nodes)]
}

func nodeID(s *redistest.Server) string { return s.Do("CLUSTER", "MYID").(string) }

// startMoving leaves a slot in the middle of its way from one node to another,
// until it is called off.
func startMoving(slot string, from, to *redistest.Server) (callOff func()) {
	to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", nodeID(from))
	from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", nodeID(to))
	return func() {
		to.Do("CLUSTER", "SETSLOT", slot, "STABLE")
		from.Do("CLUSTER", "SETSLOT", slot, "STABLE")
	}
}

// moveSlot moves a slot with its keys.
func moveSlot(nodes []*redistest.Server, slot string, from, to *redistest.Server) {
	startMoving(slot, from, to)
	host, port, _ := strings.Cut(to.Addr(), ":")
	for _, key := range from.Do("CLUSTER", "GETKEYSINSLOT", slot, "1000").([]any) {
		from.Do("MIGRATE", host, port, key.(string), "0", "5000")
	}
	id := nodeID(to)
	to.Do("CLUSTER", "SETSLOT", slot, "NODE", id)
	for _, n := range nodes {
		n.Do("CLUSTER", "SETSLOT", slot, "NODE", id)
	}
}

// workThrough uses every method of a new store of n checkpoints.
func workThrough(t *testing.T, store *checkpoint.Store, n int) {
	t.Helper()
	var writes []checkpoint.Write
	for i := range n {
		writes = append(writes, checkpoint.Write{Key: "k" + strconv.Itoa(i), Mark: checkpoint.Mark{Position: at(uint64(i), 1), Epoch: 3}})
	}
	if _, err := store.Apply(t.Context(), writes...); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Rewind(t.Context(), "k0", at(0, 0)); err != nil {
		t.Error(err)
	}
	all, err := checkpoint.Collect(store.GetAll(t.Context(), "*"))
	if err != nil || len(all) != n || all["k0"].Epoch != 4 {
		t.Errorf("GetAll found %d of %d, %v", len(all), n, err)
	}
	if cleared, err := store.Clear(t.Context(), "*"); cleared != n || err != nil {
		t.Errorf("Clear = %d, %v; want %d", cleared, err, n)
	}
}

func TestURLOfACluster(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	for _, query := range []string{"?cluster=true&namespace=a:", "?namespace=b:&addr=" + nodes[1].Addr()} {
		d, err := redisstore.Open(t.Context(), nodes[0].URL()+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		store := checkpoint.New(d, nil)
		workThrough(t, store, 100)
		store.Close()
	}
	if _, err := redisstore.Open(t.Context(), nodes[0].URL()+"/2?cluster=true", nil); err == nil {
		t.Error("a cluster with a database is accepted")
	}

	// Somebody who forgets that it is a cluster would see a third of the keys.
	d, err := redisstore.Open(t.Context(), nodes[0].URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	for key, err := range store.Scan(t.Context(), "*") {
		if err == nil || !strings.Contains(err.Error(), "one node of a cluster") {
			t.Errorf("Scan of one node of a cluster: %q, %v; want an error", key, err)
		}
	}
	if _, err := store.Clear(t.Context(), "*"); err == nil {
		t.Error("Clear of one node of a cluster: no error")
	}
}

func TestURLOfASentinel(t *testing.T) {
	master := redistest.Start(t)
	sentinel := redistest.StartSentinel(t, "mymaster", master)
	d, err := redisstore.Open(t.Context(), sentinel.URL()+"?master_name=mymaster&namespace=a:", nil)
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	workThrough(t, store, 100)
	if err := store.Set(t.Context(), "k", at(1, 1)); err != nil {
		t.Fatal(err)
	}
	if kind := master.Do("TYPE", "a:checkpoint:k"); kind != "hash" {
		t.Errorf("the master holds a %v", kind)
	}
}

// A replica may not know yet what was written, and answer that there is nothing.
func TestReadingFromReplicasIsRefused(t *testing.T) {
	for _, options := range []redis.ClusterOptions{{ReadOnly: true}, {RouteByLatency: true}, {RouteRandomly: true}} {
		options.Addrs = []string{"127.0.0.1:1"}
		client := redis.NewClusterClient(&options)
		defer client.Close()
		if _, err := redisstore.New(client, nil); err == nil || !strings.Contains(err.Error(), "replicas") {
			t.Errorf("%+v: New: %v; want an error about replicas", options, err)
		}
	}
	for _, query := range []string{"cluster=true&read_only=true", "cluster=true&route_randomly=true", "master_name=m&replica_only=true"} {
		_, err := redisstore.Open(t.Context(), "redis://127.0.0.1:1?"+query, nil)
		if err == nil || !strings.Contains(err.Error(), "replicas") {
			t.Errorf("Open with %s: %v; want an error about replicas", query, err)
		}
	}
}
