package contention

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// TestCut holds a cut to what the tests take it for: no connection is closed,
// no byte comes through, and when it heals what was sent is lost, or late.
func TestCut(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(map[bool]string{false: "lost", true: "late"}[late], func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			p, err := newProxy("test", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			client, err := net.Dial("tcp", p.addr())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()

			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				send(t, way[0], "before")
				if got, err := receive(way[1], len("before"), patience); got != "before" {
					t.Fatalf("%q, %v came through, want what was sent", got, err)
				}
			}
			if err := p.cut(late); err != nil {
				t.Fatal(err)
			}
			send(t, client, "during")
			send(t, server, "during")
			for _, c := range []net.Conn{client, server} {
				if got, err := receive(c, 1, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("%q, %v came through the cut, want nothing", got, err)
				}
			}
			if err := p.heal(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := ""
			if late {
				want = "during"
			}
			if got, err := receive(server, len("during"), patience); got != want {
				t.Errorf("the server got %q, %v after the cut, want %q", got, err, want)
			}
			if got, err := receive(client, len("during"), patience); !errors.Is(err, io.EOF) {
				t.Errorf("the client got %q, %v after the cut, want its end", got, err)
			}
		})
	}
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func receive(c net.Conn, n int, within time.Duration) (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(within))
	b := make([]byte, n)
	n, err := io.ReadFull(c, b)
	return string(b[:n]), err
}
