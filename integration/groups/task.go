package groups

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/integration/internal/engines"
	"github.com/checkpointstore/checkpoint/integration/internal/records"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A task is what a process is started to do.
type task struct {
	Store      string // for engines.Open
	Name       string
	Records    string // the file for what it does
	Model      string // the file of the read model
	Log        log
	Partitions int
	TTL        time.Duration
	Work       time.Duration // the most that an event takes
	Sabotage   string        // the name of one of the saboteurs, or ""
}

const groupName = "orders"

func (t *task) options() *group.Options {
	return &group.Options{
		Member: t.Name,
		TTL:    t.TTL,
		Assign: saboteurs[t.Sabotage].assign,
		Subscription: func(string) subscription.Options {
			return subscription.Options{
				Missing: subscription.FromStart, FlushEvery: 10, FlushAfter: t.TTL / 4, ReportEvery: -1,
			}
		},
		Failed: func(string, int, error) (time.Duration, bool) { return t.TTL / 4, true },
	}
}

// live is the life of a process, until ctx ends.
func live(ctx context.Context, t task) (err error) {
	m := member{task: t, breaks: saboteurs[t.Sabotage]}
	if m.records, err = records.Append(t.Records); err != nil {
		return err
	}
	if m.model, err = openModel(t.Model, t.Partitions); err != nil {
		return err
	}
	var d driver.Driver
	d, closeClient, err := engines.Open(ctx, t.Store, t.TTL/2)
	if errors.Is(err, context.Canceled) {
		return nil // it is called off before it has begun
	}
	if err != nil {
		return err
	}
	if m.breaks.driver != nil {
		d = m.breaks.driver(d.(abilities), t)
	}
	store := checkpoint.New(d, &checkpoint.Options{Observers: []checkpoint.Observer{&m}})
	defer func() { err = errors.Join(err, store.Close(), closeClient()) }()
	m.store = store
	go m.pulse()
	for {
		err := group.Run(ctx, store, groupName, group.Fixed(partitions(t.Partitions)...), t.options(), m.consume)
		var first *checkpoint.Error // the first sign of life has failed
		switch {
		case !errors.As(err, &first) || first.Op != "beat":
			return err
		case !pause(ctx, t.TTL/4):
			return nil
		}
	}
}

// keyOf returns the key of a partition's checkpoint.
func keyOf(partition int) string { return group.Key(groupName, strconv.Itoa(partition)) }

// partitionOf returns the partition of a checkpoint's key.
func partitionOf(key string) (int, bool) {
	name, ok := strings.CutPrefix(key, group.Key(groupName, ""))
	p, err := strconv.Atoi(name)
	return p, ok && err == nil
}
