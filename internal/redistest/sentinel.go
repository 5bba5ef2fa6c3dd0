package redistest

import "fmt"

// StartSentinel starts a Sentinel that watches master under the given name. The
// Sentinel decides alone.
func StartSentinel(tb TB, name string, master *Server, config ...string) *Server {
	tb.Helper()
	s := start(tb, &Server{mode: "--sentinel", config: append([]string{
		fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 1", name, master.port),
		fmt.Sprintf("sentinel down-after-milliseconds %s 1000", name),
	}, config...)})
	until(tb, "the Sentinel knows its master", func() bool {
		_, err := s.try("SENTINEL", "CKQUORUM", name)
		return err == nil
	})
	return s
}
