// Package given is what code in the documentation takes as known: its imports,
// and names that mean the same on every page.
package given

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	kurrent "github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/web"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/kurrentdb"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/otelcheckpoint"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/promcheckpoint"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/storetest"
	"github.com/checkpointstore/checkpoint/subscription"
)

var (
	ctx    context.Context
	client redis.UniversalClient
	pool   *pgxpool.Pool
	db     *sql.DB
	tx     *sql.Tx
	store  *checkpoint.Store
	s      *subscription.Subscription
	key    string
	owner  string
	epoch  uint64
	ttl    time.Duration
	p      checkpoint.Position
	mux    *http.ServeMux
)

func user(r *http.Request) string { panic(r) }

// A consumer, its log and its work.

type (
	Event struct {
		Position checkpoint.Position
		OrderID  string
	}
	Row struct{ ID uint64 }
)

var (
	clusterID string
	opts      *subscription.Options
	handler   subscription.Handler[Row]
)

func resumeAfter(checkpoint.Position)                                              {}
func head(context.Context) (p checkpoint.Position, err error)                      { return }
func tail(context.Context) (p checkpoint.Position, err error)                      { return }
func eventsAfter(context.Context, checkpoint.Position) (i iter.Seq2[Event, error]) { return }
func partitionAfter(context.Context, string, checkpoint.Position) (i iter.Seq2[Event, error]) { return }
func rowsAfter(context.Context, *sql.DB, uint64) (rows []Row, err error)           { return }
func handle(context.Context, kurrentdb.Event) (err error)                          { return }
func handleEvent(context.Context, Event) (err error)                               { return }
func deadLetter(context.Context, Event, error) (err error)                         { return }

// A driver and its tests.

var (
	d        driver.Leaser
	pageSize int
)

func findKeys() (keys []string, err error)                     { return }
func openEmpty(testing.TB) (d driver.Driver)                   { return }
func openAgain(testing.TB, driver.Driver) (d driver.Driver)    { return }
func overwriteTheCheckpoint(testing.TB, driver.Driver, string) {}
func overwriteTheFence(testing.TB, driver.Driver, string)      {}
func overwriteTheLease(testing.TB, driver.Driver, string)      {}
func stopServer(testing.TB, driver.Driver) (restore func())    { return }
