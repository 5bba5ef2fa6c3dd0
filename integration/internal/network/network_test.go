package network

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

const within = 30 * time.Second

// listen starts a proxy before a listener.
func listen(t *testing.T) (*Proxy, net.Listener) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p, err := New(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, listener
}

// connect opens a connection through p, and shows that it carries bytes both ways.
func connect(t *testing.T, p *Proxy, listener net.Listener) (client, server net.Conn) {
	t.Helper()
	client, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		send(t, way[0], "before")
		if got, err := receive(way[1], len("before"), within); got != "before" {
			t.Fatalf("%q, %v came through, want what was sent", got, err)
		}
	}
	return client, server
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

// TestCut holds a cut to what the tests take it for: no connection is closed,
// no byte comes through, and when it heals what was sent is lost, or late.
func TestCut(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(map[bool]string{false: "lost", true: "late"}[late], func(t *testing.T) {
			p, listener := listen(t)
			client, server := connect(t, p, listener)
			if err := p.Hurt(Cut(late)...); err != nil {
				t.Fatal(err)
			}
			send(t, client, "during")
			send(t, server, "during")
			for _, c := range []net.Conn{client, server} {
				if got, err := receive(c, 1, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("%q, %v came through the cut, want nothing", got, err)
				}
			}
			if err := p.Heal(); err != nil {
				t.Fatal(err)
			}
			want := ""
			if late {
				want = "during"
			}
			if got, err := receive(server, len("during"), within); got != want {
				t.Errorf("the server got %q, %v after the cut, want %q", got, err, want)
			}
			if got, err := receive(client, len("during"), within); !errors.Is(err, io.EOF) {
				t.Errorf("the client got %q, %v after the cut, want its end", got, err)
			}
		})
	}
}

// TestStuck holds toxiproxy as a connection holds it that broke in a bad moment:
// new connections have the faults, and lose them, at the same address.
func TestStuck(t *testing.T) {
	p, listener := listen(t)
	p.patience = time.Millisecond
	hold := func() {
		toxics := p.proxy.Toxics
		toxics.Lock()
		t.Cleanup(toxics.Unlock)
	}
	addr := p.Addr()
	hold()
	if err := p.Hurt(Requests("limit_data", "bytes", 3)); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	send(t, client, "during")
	if got, err := receive(server, len("during"), within); got != "dur" {
		t.Errorf("%q, %v came through, want what the fault leaves", got, err)
	}
	hold()
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	connect(t, p, listener)
	if p.Addr() != addr {
		t.Errorf("the proxy is at %s, was at %s", p.Addr(), addr)
	}
}

// TestPortInUse for a moment: a connection of another process may have got it.
func TestPortInUse(t *testing.T) {
	p, listener := listen(t)
	addr := p.Addr()
	p.Close()
	other, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { other.Close() })
	if err := p.startAgain(addr); err != nil {
		t.Fatal(err)
	}
	connect(t, p, listener)
}
