package cli_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// TestEachRefusalHasItsSentence asks servers that refuse for different reasons.
func TestEachRefusalHasItsSentence(t *testing.T) {
	locked := redistest.Start(t, "requirepass sesame")
	plain := redistest.Start(t)
	plain.Do("ACL", "SETUSER", "bob", "on", ">sesame", "~checkpoint:*", "+@all")
	replica := redistest.StartReplica(t, plain)
	encrypted, _ := redistest.StartTLS(t)
	const ofReplica = "is a replica, which takes no writes and may lack what its master has; name the master"
	const noPassword = "needs a password; put it into the URL: redis://user:password@host:port"
	const wrongPassword = "refuses the user or the password; check both in the URL, and percent-encode them there"
	for _, test := range []struct{ url, shown, args, want string }{
		{"redis://" + locked.Addr(), "", "get k", noPassword},
		{"redis://:wrong@" + locked.Addr(), "redis://:xxxxx@" + locked.Addr(), "set k 1", wrongPassword},
		{"redis://bob:wrong@" + plain.Addr(), "redis://bob:xxxxx@" + plain.Addr(), "list", wrongPassword},
		{"redis://" + plain.Addr() + "/9999", "", "get k", "has no database of this number; name another, or raise `databases` in the server's configuration"},
		{"redis://" + replica.Addr(), "", "get k", ofReplica},
		{"redis://" + replica.Addr(), "", "list", ofReplica},
		{"redis://" + replica.Addr(), "", "set k 1", ofReplica},
		{"redis://" + replica.Addr(), "", "advance k 1", ofReplica},
		{"redis://" + encrypted.Addr(), "", "get k", "closed the connection without an answer; use rediss:// for a port with TLS"},
		{"rediss://" + plain.Addr(), "", "get k --timeout 2s", "within 2s; a port without TLS does not answer: use redis:// for it; --timeout sets another limit"},
		{"rediss://" + encrypted.Addr(), "", "get k", "or name the file of its authority in SSL_CERT_FILE"},
		{"redis://bob:sesame@" + plain.Addr(), "", "set k 1", "docs/redis.md has the ACL rule that the command needs"},

		{"redis://no.host.invalid", "", "get k", "cannot find the host \"no.host.invalid\" of redis://no.host.invalid: "},
	} {
		said := failsToRun(t, test.url, strings.Fields(test.args)...)
		if !strings.Contains(said, test.want) || strings.Count(said, "\n") != 1 {
			t.Errorf("%s %s says %q, want %q", test.url, test.args, said, test.want)
		}
		if test.shown != "" && !strings.HasPrefix(said, "checkpoint: "+test.shown+" ") {
			t.Errorf("%s %s says %q, want it to begin with %q", test.url, test.args, said, test.shown)
		}
	}
}

// failsToRun runs a command that must end with exit code 1, and returns its stderr.
func failsToRun(t *testing.T, url string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "checkpoint", append([]string{"--store", url}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	servertest.DieWithParent(cmd)
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%s %s: %v, want exit code 1", url, args, err)
	}
	return stderr.String()
}
