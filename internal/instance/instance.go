// Package instance says who this process is.
package instance

import (
	"crypto/rand"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
)

// Unique returns a name that no other instance has. The hostname and the pid are not
// enough: instances on one machine share its hostname, and the first process of every
// container has the same pid.
func Unique() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%.255s-%d-%s", strings.ToValidUTF8(host, ""), os.Getpid(), strings.ToLower(rand.Text()[:10]))
}

// Version is that of the program, or "".
var Version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Version
})
