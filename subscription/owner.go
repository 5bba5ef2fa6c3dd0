package subscription

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
)

// uniqueOwner names this instance, and no other: instances on one machine share its
// host, and the first process of every container has one pid.
func uniqueOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%.255s-%d-%s", strings.ToValidUTF8(host, ""), os.Getpid(), strings.ToLower(rand.Text()[:10]))
}
