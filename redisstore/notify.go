package redisstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

const (
	// pingEvery is how often the connection that listens is tried. If it is silent for
	// twice as long, it leads nowhere.
	pingEvery = 10 * time.Second

	// Pauses before a new connection listens. Each is twice the one before it.
	firstListen, lastListen = time.Second, 10 * time.Second

	// publishPatience is how long a call waits until its message is published. The call
	// itself is done by then.
	publishPatience = time.Second

	leaseEnded = "lease ended"
)

var _ driver.Notifier = (*Driver)(nil)

// A notifier tells other processes that a lease has ended, and hears it from them. The
// channel of a key has the name of the key's checkpoint.
type notifier struct {
	waiters *driver.Waiters
	refused atomic.Bool   // the server refuses to publish or to subscribe, and is not asked again
	allowed atomic.Bool   // the server has published before
	first   chan struct{} // holds a value while the server is first asked: it logs each refusal
}

// LeaseEnds implements [driver.Notifier]. All waiters share one connection, which is
// open only while somebody waits.
func (d *Driver) LeaseEnds(ctx context.Context, keys []string) (<-chan struct{}, error) {
	switch {
	case !d.fenced:
		return nil, errNoFences
	case d.notifier.refused.Load():
		return nil, errNotNotified
	}
	return d.notifier.waiters.Add(ctx, keys)
}

var errNotNotified = fmt.Errorf("%w: redisstore: the server refuses to publish, or to subscribe: see the log for the remedy",
	driver.ErrUnsupported)

// listen listens until ctx ends, or until the server refuses.
func (d *Driver) listen(ctx context.Context, w *driver.Waiters) error {
	for pause := firstListen; ; pause = min(2*pause, lastListen) {
		began := time.Now()
		if err := d.hear(ctx, w); isRefused(err) {
			return errNotNotified
		}
		if time.Since(began) > lastListen {
			pause = firstListen
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// hear listens over one connection, and returns why the connection ended.
func (d *Driver) hear(ctx context.Context, w *driver.Waiters) error {
	select {
	case d.notifier.first <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	allowed := make(chan struct{})
	allow := sync.OnceFunc(func() {
		<-d.notifier.first
		close(allowed)
	})
	defer allow()
	ctx, end := context.WithCancelCause(ctx)
	connection := d.client.Subscribe(ctx)
	// A read does not end with its context.
	context.AfterFunc(ctx, func() { _ = connection.Close() })
	come, _ := w.Diff(true)
	if len(come) == 0 {
		allow()
	}
	var sending sync.WaitGroup
	sending.Go(func() { end(d.subscribe(ctx, connection, w, come, allowed)) })
	end(d.receive(ctx, connection, w, allow))
	sending.Wait()
	err := context.Cause(ctx)
	if isRefused(err) {
		// Before allow: a publisher that waits for it must not be refused once more.
		d.refuse(err)
	}
	return err
}

// subscribe keeps the channels of the connection those that are waited for, at first
// those of come. Until the server has allowed these, it asks for no other.
func (d *Driver) subscribe(
	ctx context.Context, connection *redis.PubSub, w *driver.Waiters, come []string, allowed <-chan struct{},
) error {
	var changed <-chan struct{}
	var gone []string
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		if len(gone) > 0 {
			if err := connection.Unsubscribe(ctx, d.channels(gone)...); err != nil {
				return err
			}
		}
		if len(come) > 0 {
			if err := connection.Subscribe(ctx, d.channels(come)...); err != nil {
				return err
			}
		}
		come, gone = nil, nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-allowed:
			allowed, changed = nil, w.Changed()
		case <-changed:
			come, gone = w.Diff(false)
		case <-ping.C:
			if err := connection.Ping(ctx); err != nil {
				return err
			}
		}
	}
}

func (d *Driver) channels(keys []string) []string {
	channels := make([]string, len(keys))
	for i, key := range keys {
		channels[i] = d.prefix + key
	}
	return channels
}

func (d *Driver) receive(ctx context.Context, connection *redis.PubSub, w *driver.Waiters, allow func()) error {
	for {
		message, err := connection.ReceiveTimeout(ctx, 2*pingEvery)
		if err != nil {
			return err
		}
		switch m := message.(type) {
		case *redis.Subscription:
			if m.Kind == "subscribe" {
				allow()
				w.Heard(strings.TrimPrefix(m.Channel, d.prefix))
			}
		case *redis.Message:
			w.Wake(strings.TrimPrefix(m.Channel, d.prefix))
		}
	}
}

// publish wakes who waits for the leases on keys. A message that is lost costs a
// standby time, and no more: so publish returns no error. Scripts do not publish: a
// script that is refused PUBLISH would fail half-way.
func (d *Driver) publish(ctx context.Context, keys []string) {
	if len(keys) == 0 || d.notifier.refused.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, publishPatience)
	defer cancel()
	if !d.notifier.allowed.Load() {
		// One message shows whether the server refuses.
		select {
		case d.notifier.first <- struct{}{}:
			d.publishAll(ctx, keys[:1])
			<-d.notifier.first
			keys = keys[1:]
		case <-ctx.Done():
			return
		}
	}
	d.publishAll(ctx, keys)
}

func (d *Driver) publishAll(ctx context.Context, keys []string) {
	if len(keys) == 0 || d.notifier.refused.Load() {
		return
	}
	messages := make([]command, len(keys))
	for i, channel := range d.channels(keys) {
		messages[i] = query(ctx, "publish", channel, leaseEnded)
	}
	for _, r := range d.pipelines.send(ctx, messages) {
		switch {
		case r.err == nil:
			d.notifier.allowed.Store(true)
		case isRefused(r.err):
			d.refuse(r.err)
		}
	}
}

// isRefused reports whether the server will not publish or subscribe, however often it
// is asked.
func isRefused(err error) bool {
	return err != nil && (redis.HasErrorPrefix(err, "NOPERM") || isUnknown(err))
}

// refuse notes that the server refuses, and says so once. This is no warning: who uses no
// standby loses nothing.
func (d *Driver) refuse(err error) {
	if !d.notifier.refused.Swap(true) {
		d.masters.log.Info("redisstore: a lease that ends early wakes no standby, because the server refuses: add the rule to the user",
			"error", err.Error(), "rule", "+publish +subscribe +unsubscribe &"+driver.QuotePattern(d.prefix)+"*")
	}
}
