package etcdstore_test

import (
	"context"
	"log"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/etcdstore"
)

func ExampleOpen() {
	d, err := etcdstore.Open(context.Background(), "etcd://a:2379,b:2379,c:2379/prod", nil)
	if err != nil {
		log.Print(err, ": ", checkpoint.Hint(err))
		return
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
}

func ExampleNew() {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"a:2379", "b:2379", "c:2379"}})
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close()
	d, err := etcdstore.New(client, &etcdstore.Options{Prefix: "prod/"})
	if err != nil {
		log.Print(err)
		return
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
}
