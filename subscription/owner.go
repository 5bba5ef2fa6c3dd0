package subscription

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
)

// uniqueOwner returns a name that no other instance has. The hostname and the pid are
// not enough: instances on one machine share its hostname, and the first process of
// every container has the same pid.
func uniqueOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%.255s-%d-%s", strings.ToValidUTF8(host, ""), os.Getpid(), strings.ToLower(rand.Text()[:10]))
}
