package redistest

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// ServerError is an error with which the server has answered.
type ServerError string

func (e ServerError) Error() string { return string(e) }

// Do sends one command over a connection of its own and returns the answer:
// string, int64, nil or []any. A [ServerError] fails the test.
func (s *Server) Do(args ...string) any {
	s.tb.Helper()
	reply, err := s.try(args...)
	if err != nil {
		s.tb.Fatalf("%.80q: %v", args, err)
	}
	return reply
}

func (s *Server) try(args ...string) (any, error) {
	conn, err := s.dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, encode(args)); err != nil {
		return nil, err
	}
	return decode(bufio.NewReader(conn))
}

func (s *Server) dial() (net.Conn, error) {
	dialer := &net.Dialer{Timeout: patience}
	if s.trust != nil {
		return tls.DialWithDialer(dialer, "tcp", s.Addr(), s.trust)
	}
	return dialer.Dial("tcp", s.Addr())
}

func encode(args []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// decode reads one answer of the protocol RESP2.
func decode(r *bufio.Reader) (any, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	kind, rest := line[0], strings.TrimRight(line[1:], "\r\n")
	switch kind {
	case '+':
		return rest, nil
	case '-':
		return nil, ServerError(rest)
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("answer %q: %w", line, err)
	}
	switch {
	case kind == ':':
		return n, nil
	case n < 0:
		return nil, nil
	case kind == '$':
		data := make([]byte, n+2)
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, err
		}
		return string(data[:n]), nil
	case kind == '*':
		items := make([]any, n)
		for i := range items {
			if items[i], err = decode(r); err != nil {
				return nil, err
			}
		}
		return items, nil
	}
	return nil, fmt.Errorf("answer %q is not RESP", line)
}
