package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// describeMachine names what the numbers depend on. dir is where the stores
// keep their files.
func describeMachine(ctx context.Context, dir string) string {
	known := func(name string, args ...string) string {
		text, err := output(ctx, "", name, args...)
		if err != nil {
			return "unknown"
		}
		return text
	}
	redis := known("redis-server", "--version")
	for field := range strings.FieldsSeq(redis) {
		if version, ok := strings.CutPrefix(field, "v="); ok {
			redis = version
		}
	}
	return fmt.Sprintf("%s, %d cores, %s, %s, Redis %s; files on %s, shared by all that runs here.",
		processorModel(known), runtime.NumCPU(), known("uname", "-sr"), runtime.Version(), redis,
		known("stat", "-f", "-c", "%T", dir))
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
