package histories

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint/internal/pgtest"
)

// brokenStatements are statements of pgstore's that are broken on their way to the server:
// one text in place of another, which is not shorter.
var brokenStatements = map[string][2]string{
	"locks no row":               {"FOR UPDATE", ""},
	"overwrites newer positions": {"(c.commit_position, c.prepare_position) < (", "(c.commit_position, c.prepare_position) > ("},
	"compares commit alone": {
		"(c.commit_position, c.prepare_position) < (w.commit_position, w.prepare_position)",
		"c.commit_position <= w.commit_position",
	},
	"takes the same for newer":     {"c.prepare_position) < (", "c.prepare_position)<=("},
	"does not fence usual writes":  {"AND f.epoch = w.epoch", "AND f.epoch > 0"},
	"does not fence a usual write": {"AND f.epoch = $8::numeric", "AND f.epoch > $8 * 0"},
	"keeps the fence":              {"epoch = coalesce(w.epoch, f.epoch)", "epoch = f.epoch"},
	"keeps the expiry":             {"expires_at = w.expires_at", "expires_at = c.expires_at"},
	"keeps the lease":              {"lease_owner = CASE WHEN w.lease THEN w.lease_owner", "lease_owner = CASE WHEN w.lease THEN f.lease_owner"},
	"keeps the log":                {"log_id = w.log_id", "log_id = c.log_id"},
	"leaves no audit entry":        {"new_epoch, i) ORDER BY i", "new_epoch, i) LIMIT 0"},
	"swaps the epochs of an entry": {"$11::numeric[], $12::numeric[]", "$12::numeric[], $11::numeric[]"},
	"keeps the latest entry alone": {"OFFSET $3::int", "OFFSET $3 * 0"},
	"keeps the epoch":              {"epoch = w.epoch, log_id", "epoch = c.epoch, log_id"},
}

// TestBrokenStatements breaks a statement in one way each, and that must be found.
func TestBrokenStatements(t *testing.T) {
	t.Parallel()
	first := chooseSeed(t)
	server := pgtest.Start(t)
	for name, text := range brokenStatements {
		t.Run(name, func(t *testing.T) {
			url := server.NewDatabase()
			server.SQLAt(url, tables(t))
			broken, times := postgresBroken(t, url, text[0], text[1])
			defer func() {
				if times.Load() == 0 {
					t.Errorf("pgstore does not send %q any more: break something else", text[0])
				}
			}()
			find(t, first, []engine{broken}, func(h *history) { h.operate(t, 300) })
		})
	}
}

// postgresBroken replaces a text in what the driver sends, and counts how often.
func postgresBroken(t *testing.T, url, text, by string) (engine, *atomic.Int64) {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	times := new(atomic.Int64)
	by += strings.Repeat(" ", len(text)-len(by))
	config.ConnConfig.DialFunc = func(ctx context.Context, protocol, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, protocol, addr)
		return replacing{conn, []byte(text), []byte(by), times}, err
	}
	return postgresOver(t, config), times
}

// A replacing connection sends one text in place of another that is as long.
type replacing struct {
	net.Conn
	text, by []byte
	times    *atomic.Int64
}

func (c replacing) Write(b []byte) (int, error) {
	c.times.Add(int64(bytes.Count(b, c.text)))
	return c.Conn.Write(bytes.ReplaceAll(b, c.text, c.by))
}
