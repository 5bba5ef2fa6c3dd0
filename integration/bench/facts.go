package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// writeFacts writes what the figures depend on as lines "name: value", which
// Go's format of benchmarks calls configuration. dir is in the module whose
// libraries are measured, temp where the stores keep their files.
func writeFacts(ctx context.Context, set settings, dir, temp string, out io.Writer) error {
	known := func(name string, args ...string) string {
		text, err := output(ctx, dir, name, args...)
		if err != nil {
			return "unknown"
		}
		return text
	}
	libraries, err := output(ctx, dir, "go", "list", "-m", "-f", "{{.Path}} {{.Version}}",
		"github.com/redis/go-redis/v9", "github.com/redis/rueidis", "modernc.org/sqlite", "go.etcd.io/bbolt",
		"github.com/jackc/pgx/v5", "go.etcd.io/etcd/client/v3", "go.etcd.io/etcd/server/v3")
	if err != nil {
		return err
	}
	fileSystem := known("findmnt", "-n", "-o", "FSTYPE", "-T", temp)
	if fileSystem == "unknown" {
		fileSystem = known("stat", "-f", "-c", "%T", temp)
	}
	for _, fact := range [][2]string{
		{"processor", fmt.Sprintf("%s, %d cores", processor(known), runtime.NumCPU())},
		{"other-load", load()},
		{"system", known("uname", "-srm") + ", " + fileSystem},
		{"servers", "redis-server " + versionOf(known("redis-server", "--version")) + ", " + postgres(known)},
		{"built-with", runtime.Version() + ", " + strings.NewReplacer("github.com/", "", "\n", ", ").Replace(libraries)},
		{"measured", fmt.Sprintf("%d rounds of %v: the best, of a target the median", set.rounds, set.each)},
	} {
		if _, err := fmt.Fprintf(out, "%s: %s\n", fact[0], fact[1]); err != nil {
			return err
		}
	}
	return nil
}

// load is what else the machine had to do.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) == 0 {
		return "unknown"
	}
	return fields[0] + " processes on average in the minute before"
}

// postgres says which server the benchmarks start: that of internal/pgtest.
func postgres(known func(name string, args ...string) string) string {
	version := known(filepath.Join("..", ".bin", "servers", "postgres-15", "bin", "postgres"), "--version")
	if version == "unknown" {
		version = known("postgres", "--version")
	}
	_, version, _ = strings.Cut(version, " ")
	return "PostgreSQL " + strings.TrimPrefix(version, "(PostgreSQL) ")
}

// versionOf finds it in what redis-server says of itself.
func versionOf(text string) string {
	for field := range strings.FieldsSeq(text) {
		if version, ok := strings.CutPrefix(field, "v="); ok {
			return version
		}
	}
	return "unknown"
}

func processor(known func(name string, args ...string) string) string {
	if runtime.GOOS == "darwin" {
		return known("sysctl", "-n", "machdep.cpu.brand_string")
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
