package doctor

import (
	"fmt"
	"time"
)

// maxSkew is how far clocks may be apart.
const maxSkew = time.Second

// Clock reports how far the server's clock is from this machine's. The server answered
// with its time between the moments sent and received.
func Clock(r *Report, server, sent, received time.Time) {
	ahead := server.Sub(sent.Add(received.Sub(sent) / 2))
	doubt := received.Sub(sent) / 2
	off := ahead.Abs().Round(time.Millisecond)
	switch {
	case off <= maxSkew+doubt:
		r.OK("clock", "the clocks of the server and of this machine are %v apart", off)
	default:
		way := "ahead of"
		if ahead < 0 {
			way = "behind"
		}
		r.Warn("clock", fmt.Sprintf("the server's clock is %v %s this machine's, and a server that takes over may end leases early or late", off, way),
			"keep the clocks of all servers synchronized")
	}
}
