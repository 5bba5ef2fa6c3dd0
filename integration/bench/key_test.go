package main

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/filltest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// BenchmarkKey measures what forms of a checkpoint take of Redis's memory, with
// the key and the server's own table. An operation fills a server.
func BenchmarkKey(b *testing.B) {
	e, server := redisEngine(b)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	n := min(*largeKeys, 100_000)
	at := checkpoint.Position{Commit: 1_234_567_890, Prepare: 1_234_567_890}
	withEpoch := func(epoch uint64) func() error {
		d, err := redisstore.New(client, &redisstore.Options{Namespace: "prod:"})
		if err != nil {
			b.Fatal(err)
		}
		store := checkpoint.New(d, nil)
		return func() error {
			return filltest.Fill(b.Context(), store, n, func(i int) checkpoint.Write {
				return checkpoint.Write{Key: fmt.Sprintf("orders-projection/%06d", i), Mark: checkpoint.Mark{Position: at, Epoch: epoch}, IfNewer: true}
			})
		}
	}
	text := func(value string) func() error {
		return func() error {
			pipe := client.Pipeline()
			for i := range n {
				pipe.Set(b.Context(), fmt.Sprintf("prod:checkpoint:orders-projection/%06d", i), value, 0)
			}
			_, err := pipe.Exec(b.Context())
			return err
		}
	}
	for _, form := range []struct {
		name string
		fill func() error
	}{
		{"hash", withEpoch(0)},
		{"hash+epoch+fence", withEpoch(7)},
		{"json", text(fmt.Sprintf(`{"commit":"%d","prepare":"%[1]d","updatedAt":"2026-01-02T03:04:05.678Z"}`, at.Commit))},
		{"commit@prepare", text(at.String())},
	} {
		b.Run("form="+form.name, func(b *testing.B) {
			for range b.N {
				before := e.bytes(b, e.empty(b))
				if err := form.fill(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(e.bytes(b, "")-before)/float64(n), "B/key")
			}
		})
	}
}
