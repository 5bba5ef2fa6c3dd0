package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

const (
	// channel is the channel of every store in a database. A message names the schema,
	// the namespace and the key.
	channel = "checkpoint_lease"

	// pingEvery is how often the connection that listens is tried.
	pingEvery = 10 * time.Second

	// Pauses before a new connection listens. Each is twice the one before it.
	firstListen, lastListen = time.Second, 10 * time.Second
)

// LeaseEnds implements [driver.Notifier]. All waiters share one connection beside the
// pool, which is open only while somebody waits.
func (d *Driver) LeaseEnds(ctx context.Context, keys []string) (<-chan struct{}, error) {
	return d.waiters.Add(ctx, keys)
}

// errPooled is why a driver gives up to listen.
var errPooled = fmt.Errorf("%w: pgstore: a pooler is between here and PostgreSQL, and passes no notification on", driver.ErrUnsupported)

// notice returns the statement that wakes who waits for a lease that has ended, or nil
// if no lease has. PostgreSQL sends the messages when the transaction commits.
func (s *step) notice() *statement {
	var messages list
	for key, before := range s.before {
		if valid(before) && !valid(s.cells[key]) {
			messages.add(message(s.sql.schema, s.namespace, key))
		}
	}
	if messages.Len() == 0 {
		return nil
	}
	return &statement{sql: "SELECT pg_notify('" + channel + "', m) FROM unnest($1::text[]) AS m", args: []any{messages.text()}}
}

// valid reports whether somebody may hold the lease of c.
func valid(c cell.Cell) bool {
	return c.Lease.Err != nil || c.Lease.Exists() && c.Lease.Epoch >= c.Fence.Epoch
}

// message is unambiguous: a name has no control characters.
func message(schema, namespace, key string) string {
	return strings.Join([]string{schema, namespace, key}, "\n")
}

// listen listens until ctx ends, or until it finds a pooler.
func (d *Driver) listen(ctx context.Context, w *driver.Waiters) error {
	for pause := firstListen; ; pause = min(2*pause, lastListen) {
		began := time.Now()
		if err := d.hear(ctx, w); errors.Is(err, errPooled) {
			d.opts.Logger.Info("pgstore: no standby is woken when a lease ends early, because a pooler is between here and PostgreSQL:" +
				" standbys ask from time to time; connect to PostgreSQL itself to wake them")
			return err
		}
		if time.Since(began) > lastListen {
			pause = firstListen
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// hear listens over one connection, and returns why the connection ended.
func (d *Driver) hear(ctx context.Context, w *driver.Waiters) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if err := listenOn(ctx, conn); err != nil {
		return err
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		tell(ctx, w)
	}()
	defer func() {
		cancel()
		<-told
	}()
	for {
		if err := d.receive(ctx, conn, w); err != nil {
			return err
		}
	}
}

// connect opens a connection as the pool does.
func (d *Driver) connect(ctx context.Context) (*pgx.Conn, error) {
	pool := d.pool.Config()
	config := pool.ConnConfig.Copy()
	if pool.BeforeConnect != nil {
		if err := pool.BeforeConnect(ctx, config); err != nil {
			return nil, err
		}
	}
	return pgx.ConnectConfig(ctx, config)
}

// listenOn listens, except over a pooler, which would listen for somebody else. A pooler
// answers with a process id of its own.
func listenOn(ctx context.Context, conn *pgx.Conn) error {
	var pid uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()::int8", pgx.QueryExecModeExec).Scan(&pid); err != nil {
		return err
	}
	if pid != conn.PgConn().PID() {
		return errPooled
	}
	_, err := conn.Exec(ctx, "LISTEN "+channel)
	return err
}

// tell says of each key that it is listened for: one channel serves all of them.
func tell(ctx context.Context, w *driver.Waiters) {
	for come, _ := w.Diff(true); ; come, _ = w.Diff(false) {
		for _, key := range come {
			w.Heard(key)
		}
		select {
		case <-ctx.Done():
			return
		case <-w.Changed():
		}
	}
}

// receive waits for a message, and tries the connection if none comes.
func (d *Driver) receive(ctx context.Context, conn *pgx.Conn, w *driver.Waiters) error {
	waiting, cancel := context.WithTimeout(ctx, pingEvery)
	defer cancel()
	n, err := conn.WaitForNotification(waiting)
	if err == nil {
		if key, ok := strings.CutPrefix(n.Payload, message(d.opts.Schema, d.opts.Namespace, "")); ok {
			w.Wake(key)
		}
		return nil
	}
	if ctx.Err() != nil || waiting.Err() == nil {
		return err
	}
	trying, cancel := context.WithTimeout(ctx, pingEvery)
	defer cancel()
	return conn.Ping(trying)
}
