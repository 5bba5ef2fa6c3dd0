// Package pgstore_test holds pgstore to its rules, on real servers.
//
// The rules of every engine are in storetest. They run here over each kind of connection:
//
//	conformance            the whole suite, over a URL
//	bouncer                the whole suite behind PgBouncer, and pools in its way
//	replica                replicas, failovers, and databases that take no writes
//	faults                 limits of time, refused logins, servers that end
//	full_linux             a disk that is full
//	durability             what a server may lose although it has acknowledged
//	grants                 the whole suite with the documented permissions, each of which is needed
//
// The rules of PostgreSQL alone:
//
//	adopt                  who takes over a history beside others
//	cell                   statements decide as package cell does
//	commit                 what the server says of a commit, and after it
//	crash                  a read model whose builders are killed
//	meanwhile              what other transactions do between the statements of one
//	migrate                tables that are made, missing or newer; schemas and namespaces
//	modes                  each way in which pgx sends statements
//	notify                 who waits for a lease is woken
//	reader                 what shares a statement
//	shortcuts              what NoShortcuts turns off
//	rows                   HOT updates, edits by hand, and what has expired
//	tx                     a store in the transaction of a read model
//	url                    the place in a URL, and URLs that cannot be used
//	writer                 locks, deadlocks, lost connections, and what shares a transaction
//	helpers, main          what the tests share
package pgstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(envURL); url != "" {
		fmt.Fprintln(os.Stderr, build(context.Background(), url, os.Getenv(envApart) == "true"))
		os.Exit(1)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // every driver warns: fsync is off
	os.Exit(leaktest.Check(pgtest.Sharing(m)).Run())
}

func TestEveryFileOfTestsHasASubject(t *testing.T) {
	text, err := os.ReadFile("main_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for line := range strings.Lines(string(text)) {
		if row, ok := strings.CutPrefix(line, "//\t"); ok {
			files, _, _ := strings.Cut(row, "  ")
			named = append(named, strings.Split(files, ", ")...)
		}
	}
	there, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range there {
		there[i] = strings.TrimSuffix(file, "_test.go")
	}
	slices.Sort(named)
	slices.Sort(there)
	if !slices.Equal(named, there) {
		t.Errorf("the comment of package pgstore_test names the files %q, want %q", named, there)
	}
}
