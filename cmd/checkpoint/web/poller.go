package web

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// What is found in a read of the store. Nobody changes it.
type found struct {
	rows   []watch.Row   // sorted by key
	groups []watch.Group // sorted by name

	unsupported error // the engine keeps no groups; nil: it does
}

func read(ctx context.Context, store *checkpoint.Store, rules watch.Rules) (f found, err error) {
	if f.rows, err = rules.Snapshot(ctx, store, "*"); err != nil {
		return f, err
	}
	f.groups, err = watch.Groups(ctx, store, f.rows)
	if errors.Is(err, checkpoint.ErrUnsupported) {
		f.unsupported, err = err, nil
	}
	return f, err
}

// A view is what the reads of the store have found.
type view struct {
	found           // in the last read that worked
	at    time.Time // when that read ended; zero: no read has worked
	last  time.Time // when the last read ended; zero: there was none
	err   error     // of the last read
}

// known reports whether there was a read that worked. Otherwise an empty view says
// nothing about the store.
func (v *view) known() bool { return !v.at.IsZero() }

// group returns the group of this name, or nil if there is none.
func (v *view) group(name string) *watch.Group {
	i, ok := slices.BinarySearchFunc(v.groups, name, func(g watch.Group, name string) int { return strings.Compare(g.Name, name) })
	if !ok {
		return nil
	}
	return &v.groups[i]
}

// A poller reads the store for all viewers: one read at a time, and at most one in every.
type poller struct {
	read           func(context.Context) (found, error)
	every, timeout time.Duration
	logger         *slog.Logger

	mu      sync.Mutex
	view    view
	due     bool          // somebody has made a change since the last read began
	reading chan struct{} // closed when the read under way ends; nil: there is none
}

// look returns the latest view, and reads the store first if that is due. Look waits for a
// read as long as patience, or if there is no view at all, until the read ends.
func (p *poller) look(ctx context.Context, patience time.Duration) view {
	p.mu.Lock()
	if p.reading == nil && (p.due || time.Since(p.view.last) >= p.every) {
		p.reading, p.due = make(chan struct{}), false
		go p.refresh(context.WithoutCancel(ctx), p.reading) // others wait for it, too
	}
	reading, view := p.reading, p.view
	p.mu.Unlock()
	if reading == nil {
		return view
	}
	if !view.last.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	select {
	case <-reading:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.view
}

func (p *poller) refresh(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	found, err := p.read(ctx)
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log(ctx, err)
	p.view.last, p.view.err, p.reading = now, err, nil
	if err == nil {
		p.view.found, p.view.at = found, now
	}
	close(done)
}

// log tells of the first of some reads that fail, and of the first that works again.
func (p *poller) log(ctx context.Context, err error) {
	switch {
	case err != nil && p.view.err == nil:
		p.logger.WarnContext(ctx, "the page cannot read the store", slog.Any("error", err))
	case err == nil && p.view.err != nil:
		p.logger.InfoContext(ctx, "the page can read the store again")
	}
}

// changed makes the next look read the store.
func (p *poller) changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = true
}

// fault says why the rows of a view are old. It is "" if they are not.
func (p *poller) fault(v *view, now time.Time) string {
	switch {
	case v.err != nil:
		return errorText(v.err)
	case now.Sub(v.at) > p.every+grace:
		return "the store has not answered yet"
	}
	return ""
}

const (
	// patience is how long a page waits for a read before it shows the last one.
	patience = 800 * time.Millisecond
	// grace is how much older than an interval a view may be: a read takes time.
	grace = 5 * time.Second
)
