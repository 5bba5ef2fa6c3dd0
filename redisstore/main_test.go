// Package redisstore_test holds redisstore to its rules, on real servers.
//
// The rules of every engine are in storetest. They run here over each kind of server and
// of connection:
//
//	conformance            one server, a cluster, a cluster with MinReplicas, the documented ACL
//	conformance_link       RESP2, TLS, a Unix socket, Sentinel
//
// The rules of Redis alone:
//
//	cell, precision        scripts decide as package cell does, on all 64 bits
//	layout, namespace      each byte that a write leaves, and under which key
//	interop, older         what the TypeScript store wrote, and strings of older layouts
//	convert                a checkpoint in an older layout, converted in one step
//	slot                   a fence is in the slot of its checkpoint
//	fuzz                   stored values and patterns of every form
//	fence, lease           fences and leases, sound, damaged and lost
//	audit, sample, report  audit entries, samples and reports: their layout, and what stands in their way
//	adopt                  entries and samples that another store has kept
//	moment, expiry         one read is of one moment, to the last millisecond of an expiry
//	empty, eviction        servers that would look empty, or lose keys, are refused
//	access, acl            a user without permissions; the documented ACL is enough, and minimal
//	open, topology         URLs; slots that move; one node of a cluster; replicas
//	failures, hang         a server that is down, full or hangs; contexts and Close
//	lost_answer, retry     what is sent again, and what is never sent twice
//	lane                   calls that are alone have a connection of their own
//	shortcuts, transaction  one call for many writes, and transactions that read
//	scriptflush            scripts that the server has forgotten
//	commands               no command blocks the server; scripts are sent once
//	pipeline, order        calls that share a pipeline; nothing overtakes a write under way
//	rounds, room           the parts of a batch; commands whose memory is used again
//	connections            connections that are half open, closed, or few; hooks; what was never sent
//	walk, walk_left        Scan, GetAll and Clear over restarts, failovers and moves; leaving a loop
//	moving                 slots on their way, and a cluster that is not whole
//	notify                 who waits for a lease is woken, or asks in turns
//	confirm, replicas      MinReplicas and FsyncAOF on one server
//	replicas_cluster       MinReplicas in a cluster
//	bench, example         the benchmarks, and the examples of the documentation
//	helpers, export, main  what the tests share
package redisstore_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

// silent keeps the failures that tests cause on purpose out of their output.
// What they mean is in the errors.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	os.Exit(leaktest.Check(m).Run())
}

func TestEveryFileOfTestsHasASubject(t *testing.T) {
	var named []string
	for line := range strings.Lines(string(must(os.ReadFile("main_test.go")))) {
		if row, ok := strings.CutPrefix(line, "//\t"); ok {
			files, _, _ := strings.Cut(row, "  ")
			named = append(named, strings.Split(files, ", ")...)
		}
	}
	var there []string
	for _, file := range must(filepath.Glob("*_test.go")) {
		there = append(there, strings.TrimSuffix(file, "_test.go"))
	}
	slices.Sort(named)
	slices.Sort(there)
	if !slices.Equal(named, there) {
		t.Errorf("the comment of package redisstore_test names the files %q, want %q", named, there)
	}
}
