package etcd

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/namespace"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

func TestOpenWithTLS(t *testing.T) {
	cluster := etcdtest.Start(t, 1, func(c *embed.Config) {
		c.ClientAutoTLS, c.SelfSignedCertValidity = true, 1
		for i := range c.ListenClientUrls {
			c.ListenClientUrls[i].Scheme = "https"
		}
	})
	member := cluster.Members[0]
	ca := filepath.Join(member.Dir(), "fixtures", "client", "cert.pem")
	d, err := etcdstore.Open(t.Context(), "etcds://"+member.Endpoint()+"?ca="+url.QueryEscape(ca), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := etcdstore.Open(ctx, "etcds://"+member.Endpoint(), nil); err == nil {
		t.Error("Open believes a certificate that nobody has signed")
	}
	ctx, cancel = context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := etcdstore.Open(ctx, "etcd://"+member.Endpoint(), nil); err == nil {
		t.Error("Open needs no TLS")
	}
}

func TestOpenAsUser(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	if err := second(cluster.Client(t).RoleAdd(t.Context(), "none")); err != nil {
		t.Fatal(err)
	}
	asUser(t, cluster, "me", "none")
	endpoint := cluster.Endpoints()[0]
	d, err := etcdstore.Open(t.Context(), "etcd://root:root@"+endpoint+"/prod", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	for what, user := range map[string]string{"no user": "", "a wrong password": "root:wrong@", "an unknown user": "you:wrong@", "a role without the prefix": "me:secret@"} {
		_, err := etcdstore.Open(t.Context(), "etcd://"+user+endpoint+"/prod", nil)
		if err == nil || driver.Hint(err) == "" || strings.Contains(err.Error(), "wrong") {
			t.Errorf("Open with %s: %v, hint %q", what, err, driver.Hint(err))
		}
	}
}

func TestOpenWithoutAServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := etcdstore.Open(ctx, "etcd://127.0.0.1:1,127.0.0.1:2", nil); err == nil || driver.Hint(err) == "" {
		t.Errorf("Open without a server: %v, hint %q", err, driver.Hint(err))
	}
}

// TestClientWithANamespace: reads and changes go to the same place.
func TestClientWithANamespace(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	plain, client := cluster.Client(t), cluster.Client(t)
	client.KV = namespace.NewKV(client.KV, "team/")
	d, err := etcdstore.New(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1), write(driver.IfNewer, "k", 2))
	if at := position(t, d, "k"); at != 2 {
		t.Errorf("the position is %d, want 2", at)
	}
	all, err := plain.Get(t.Context(), "", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil || len(all.Kvs) == 0 {
		t.Fatalf("%v, %v", all, err)
	}
	for _, kv := range all.Kvs {
		if !strings.HasPrefix(string(kv.Key), "team/") {
			t.Errorf("there is a key %q", kv.Key)
		}
	}
}
