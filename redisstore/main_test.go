package redisstore_test

import (
	"context"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

// silent keeps the failures that tests cause on purpose out of their output.
// What they mean is in the errors.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	os.Exit(leaktest.Check(m).Run())
}
