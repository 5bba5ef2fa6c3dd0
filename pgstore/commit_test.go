package pgstore_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/checkpointstore/checkpoint/driver"
)

// TestErrorAfterTheCommit does not undo it. If statement_timeout runs out as the server begins
// the commit, PostgreSQL commits, says so, and then fails the statement.
func TestErrorAfterTheCommit(t *testing.T) {
	d := open(t, after(t, newDatabase(t), "COMMIT", &pgproto3.CommandComplete{CommandTag: []byte("COMMIT")}, &pgproto3.ErrorResponse{
		Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "57014", Message: "canceling statement due to statement timeout",
	}), nil)
	for i, name := range []string{"inserted", "updated"} {
		if r := write(t.Context(), d, set("k", 1+uint64(i))); r.Outcome != driver.Advanced || r.Err != nil {
			t.Errorf("a checkpoint is %s, and the outcome is %v, %v", name, r.Outcome, r.Err)
		}
	}
}

// TestCommitThatRollsBack is no commit: PostgreSQL says so without an error.
func TestCommitThatRollsBack(t *testing.T) {
	d := open(t, after(t, newDatabase(t), "COMMIT", &pgproto3.CommandComplete{CommandTag: []byte("ROLLBACK")}), nil)
	for range 2 {
		failed(t, write(t.Context(), d, set("k", 1)), "rolled the transaction back", "try again")
	}
}

// TestErrorOfAPooler proves nothing, although a pooler may call it an ERROR as PostgreSQL does: it
// may have lost the server's answer.
func TestErrorOfAPooler(t *testing.T) {
	database := newDatabase(t)
	direct := open(t, database, nil)
	for _, code := range []string{"08006", "58000", "XX000"} {
		t.Run(code, func(t *testing.T) {
			lost := &pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: code, Message: "the connection to the server is lost"}
			for tag, w := range map[string]driver.Write{"UPDATE 1": ifNewer(code, 2), "COMMIT": set(code, 2)} {
				if r := write(t.Context(), direct, set(code, 1)); r.Err != nil {
					t.Fatal(r.Err)
				}
				d := open(t, after(t, database, tag, lost), nil)
				if r := write(t.Context(), d, w); r.Outcome != driver.Unknown || r.Err == nil {
					t.Errorf("after %s, the outcome is %v, %v", tag, r.Outcome, r.Err)
				}
			}
		})
	}
}

// after returns the URL of a proxy that gives another answer to each statement that ends with
// this tag.
func after(t *testing.T, database, tag string, answer ...pgproto3.BackendMessage) string {
	t.Helper()
	to, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	addr := to.Host
	var replacement []byte
	for _, m := range answer {
		if replacement, err = m.Encode(replacement); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				return
			}
			go func() {
				_, _ = io.Copy(server, client)
				server.Close()
			}()
			go func() {
				replace(client, server, tag, replacement)
				client.Close()
			}()
		}
	}()
	to.Host = l.Addr().String()
	return to.String()
}

// replace copies the messages of a server until it fails.
func replace(to io.Writer, from io.Reader, tag string, replacement []byte) {
	for {
		var head [5]byte // the type, and the length without it
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		message := append(head[:], body...)
		if head[0] == 'C' && string(body) == tag+"\x00" {
			message = replacement
		}
		if _, err := to.Write(message); err != nil {
			return
		}
	}
}
