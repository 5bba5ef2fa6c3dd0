package redisstore_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// The client is the caller's own: its TLS, its user, its Sentinel or Cluster.
func ExampleNew() {
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs:    []string{"redis-0:6379", "redis-1:6379", "redis-2:6379"},
		Username: "checkpoint",
		Password: os.Getenv("REDIS_PASSWORD"),
	})
	defer client.Close()

	driver, err := redisstore.New(client, &redisstore.Options{Namespace: "prod:"})
	if err != nil {
		log.Print(err)
		return
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()

	advanced, err := store.SetIfNewer(context.Background(), "order-processor", checkpoint.Position{Commit: 12, Prepare: 12})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println("advanced:", advanced)
}

// A URL is enough where nothing else needs to be set.
func ExampleOpen() {
	ctx := context.Background()
	driver, err := redisstore.Open(ctx, "redis://localhost:6379/0?namespace=prod:", nil)
	if err != nil {
		log.Print(err)
		return
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()

	all, err := checkpoint.Collect(store.GetAll(ctx, "order-*"))
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(len(all), "consumers")
}

// Prefix reads checkpoints of another layout, to move them to this one.
func ExampleOptions_prefix() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	defer client.Close()
	older, err := redisstore.New(client, &redisstore.Options{Prefix: "old:"})
	if err != nil {
		log.Print(err)
		return
	}
	newer, err := redisstore.New(client, &redisstore.Options{Namespace: "prod:"})
	if err != nil {
		log.Print(err)
		return
	}
	from, to := checkpoint.New(older, nil), checkpoint.New(newer, nil)

	ctx := context.Background()
	for c, err := range from.GetAll(ctx, "*") {
		if err != nil {
			log.Print(err)
			return
		}
		if _, err := to.SetIfNewer(ctx, c.Key, c.Position, checkpoint.UpdatedAt(c.UpdatedAt)); err != nil {
			log.Print(err)
			return
		}
	}
}
