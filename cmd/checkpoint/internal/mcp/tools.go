package mcp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/driver"
)

// A patternArg is the arguments of a tool on many keys.
type patternArg struct {
	Pattern string `json:"pattern,omitempty" jsonschema:"glob of keys, such as orders/*; default: every key"`
	Limit   int    `json:"limit,omitempty" jsonschema:"how many rows to return at most, 1 to 500; default 100"`
}

type statusArg struct {
	patternArg

	Stale string `json:"stale,omitempty" jsonschema:"duration such as 5m: a consumer behind the head is stuck if it has not advanced for so long (default 1m), and a checkpoint that nobody reports on is stale if nobody has written it for so long (default never)"`
}

type historyArg struct {
	Key  string `json:"key" jsonschema:"the key of one checkpoint"`
	Last int    `json:"last,omitempty" jsonschema:"how many entries to return at most, 1 to 256; default 20"`
}

type noArg struct{}

func (p *patternArg) check() error {
	p.Pattern = cmp.Or(p.Pattern, "*")
	return checkLimit("limit", &p.Limit, usualRows, mostRows)
}

func (p *patternArg) narrow() hints {
	return hints{
		none: fmt.Sprintf("no key matches %q", p.Pattern), more: "narrow the pattern or raise the limit", full: "narrow the pattern",
	}
}

func (s Source) status(ctx context.Context, in statusArg) (*Answer, error) {
	rules, err := in.rules()
	if err = cmp.Or(err, in.check()); err != nil {
		return nil, err
	}
	var rows []watch.Row
	err = s.Read(ctx, func(ctx context.Context, store *checkpoint.Store) (err error) {
		rows, err = rules.Snapshot(ctx, store, in.Pattern)
		return err
	})
	if err != nil {
		return nil, err
	}
	watch.Sort(rows, "state")
	a, err := answerOf(rows, in.Limit, in.narrow())
	if err != nil {
		return nil, err
	}
	a.Counts = make(map[string]int)
	for state, n := range watch.Count(rows) {
		a.Counts[string(state)] = n
	}
	return a, nil
}

func (in *statusArg) rules() (rules watch.Rules, err error) {
	if in.Stale == "" {
		return rules, nil
	}
	stale, err := time.ParseDuration(in.Stale)
	if err != nil || stale <= 0 {
		return rules, fmt.Errorf("stale is %q; give a duration above zero, such as 5m", in.Stale)
	}
	return watch.Rules{Stale: stale, Silent: true}, nil
}

// A damagedRow is the row of a key that is damaged.
type damagedRow struct {
	Key   string `json:"key"`
	Error string `json:"error"`
}

func (s Source) list(ctx context.Context, in patternArg) (*Answer, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	var damaged []damagedRow
	var sound []checkpoint.Checkpoint
	err := s.Read(ctx, func(readCtx context.Context, store *checkpoint.Store) error {
		for c, err := range transfer.Walk(readCtx, store, in.Pattern) {
			switch {
			case err != nil && c.Key != "":
				damaged = append(damaged, damagedRow{c.Key, s.Explain(ctx, err)})
			case err != nil:
				return err
			default:
				sound = append(sound, c)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(damaged, func(a, b damagedRow) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(sound, func(a, b checkpoint.Checkpoint) int { return cmp.Compare(a.Key, b.Key) })
	var rows []any
	for _, d := range damaged {
		rows = append(rows, d)
	}
	for _, c := range sound {
		rows = append(rows, encoded(c))
	}
	a, err := answerOf(rows, in.Limit, in.narrow())
	if err == nil && len(damaged) > 0 {
		a.Counts = map[string]int{"damaged": len(damaged)}
	}
	return a, err
}

// encoded is a checkpoint whose JSON is its line of `checkpoint list -o json`.
type encoded checkpoint.Checkpoint

var _ json.Marshaler = encoded{}

func (e encoded) MarshalJSON() ([]byte, error) { return transfer.Encode(checkpoint.Checkpoint(e)), nil }

func (s Source) history(ctx context.Context, in historyArg) (*Answer, error) {
	if err := checkLimit("last", &in.Last, usualEntries, driver.AuditEntries); err != nil {
		return nil, err
	}
	var rows []text.Entry
	err := s.Read(ctx, func(ctx context.Context, store *checkpoint.Store) error {
		entries, err := store.History(ctx, in.Key, driver.AuditEntries)
		for i, e := range entries {
			rows = append(rows, text.Entry{Entry: 1 + i, AuditEntry: e})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return answerOf(rows, in.Last, hints{
		none: fmt.Sprintf("nobody has changed %q by hand", in.Key), more: "raise last", full: "`checkpoint history` prints the others",
	})
}

func (s Source) doctor(ctx context.Context, _ noArg) (*Answer, error) {
	lines, err := s.Doctor(ctx)
	if err != nil {
		return nil, err
	}
	const all = "`checkpoint doctor` prints all lines"
	a, err := answerOf(lines, mostRows, hints{more: all, full: all})
	if err != nil {
		return nil, err
	}
	a.Counts = make(map[string]int)
	for _, l := range lines {
		a.Counts[l.Level.String()]++
	}
	return a, nil
}
