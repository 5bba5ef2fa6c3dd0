package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// describeMachine names what the numbers depend on. dir is where the stores
// keep their files.
func describeMachine(ctx context.Context, dir string) ([][]string, error) {
	known := func(name string, args ...string) string {
		text, err := output(ctx, "", name, args...)
		if err != nil {
			return "unknown"
		}
		return text
	}
	rows := [][]string{
		{"what", "here"},
		{"processor", fmt.Sprintf("%s, %d cores, which clients and servers share", processorModel(known), runtime.NumCPU())},
		{"kernel", known("uname", "-srm")},
		{"file system", fileSystem(known, dir)},
		{"Go", runtime.Version()},
		{"redis-server", versionOf(known("redis-server", "--version"))},
	}
	libraries, err := libraryVersions(ctx)
	return append(rows, libraries...), err
}

// fileSystem names it. What stat calls ext2/ext3 may be ext4.
func fileSystem(known func(name string, args ...string) string, dir string) string {
	if name := known("findmnt", "-n", "-o", "FSTYPE", "-T", dir); name != "unknown" {
		return name
	}
	return known("stat", "-f", "-c", "%T", dir)
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

func libraryVersions(ctx context.Context) ([][]string, error) {
	root, err := projectRoot(ctx)
	if err != nil {
		return nil, err
	}
	text, err := output(ctx, filepath.Join(root, "integration"), "go", "list", "-m", "-f", "{{.Path}} {{.Version}}",
		"github.com/redis/go-redis/v9", "github.com/redis/rueidis", "modernc.org/sqlite", "go.etcd.io/bbolt")
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for line := range strings.Lines(text) {
		path, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		rows = append(rows, []string{path, version})
	}
	return rows, nil
}

func processorModel(known func(name string, args ...string) string) string {
	if runtime.GOOS == "darwin" {
		return known("sysctl", "-n", "machdep.cpu.brand_string")
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
