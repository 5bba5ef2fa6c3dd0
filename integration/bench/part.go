package main

import (
	"context"
	"fmt"
	"strings"
)

// A part of the report, and how it is measured.
type part struct {
	name    string
	measure func(ctx context.Context, h *host, r *report) error
}

var parts = []part{
	// The command comes first: what Linux says of a process's memory is never
	// less than what the process that started it had.
	{"command", measureCommand},
	{"memory", measureMemory},
	{"consumer", measureConsumer},
	{"sqlite", measureSQLite},
	{"redis", measureRedis},
}

func allParts() string {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return strings.Join(names, ",")
}

// choose finds the parts of which names speaks, in the order of parts.
func choose(names string) ([]part, error) {
	wanted := make(map[string]bool)
	for name := range strings.SplitSeq(names, ",") {
		wanted[strings.TrimSpace(name)] = true
	}
	var chosen []part
	for _, p := range parts {
		if wanted[p.name] {
			chosen = append(chosen, p)
			delete(wanted, p.name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("-parts %s: there is no part %q", names, name)
	}
	return chosen, nil
}
