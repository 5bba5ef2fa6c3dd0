package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// checkRedis asks each master about itself.
func checkRedis(ctx context.Context, rawURL string, r *doctor.Report) (doctor.Opened, error) {
	redis.SetLogger(silent{})
	client, opts, err := redisstore.NewClient(rawURL, nil)
	if err != nil {
		return doctor.Opened{}, WrongURL(err)
	}
	opened, err := examineRedis(ctx, client, opts, r)
	if opened.Driver == nil || err != nil {
		err = errors.Join(err, client.Close())
	}
	return opened, err
}

func examineRedis(ctx context.Context, client redis.UniversalClient, opts *redisstore.Options, r *doctor.Report) (opened doctor.Opened, err error) {
	// The driver would refuse what the lines below tell.
	look := *opts
	look.AcceptEviction, look.FsyncAOF, look.Logger = true, false, slog.New(slog.DiscardHandler)
	d, err := redisstore.New(client, &look)
	if err != nil {
		return opened, WrongURL(err)
	}
	heedContext(client)
	p := redisPatient{client: client, opts: opts, Report: r}
	if cluster, ok := client.(*redis.ClusterClient); ok {
		if err := p.slots(ctx, cluster); err != nil {
			return opened, err
		}
	}
	if p.masters, err = askMasters(ctx, client); err != nil {
		return opened, err
	}
	if !p.isMaster() {
		return opened, d.Close()
	}
	p.each("version", func(m *master) doctor.Line { return version(m, opts.FsyncAOF) })
	p.each("eviction", func(m *master) doctor.Line { return eviction(m, opts.AcceptEviction) })
	p.each("memory", memory)
	p.each("persistence", func(m *master) doctor.Line { return persistence(m, opts.FsyncAOF) })
	p.each("replicas", func(m *master) doctor.Line { return replicas(m, opts.MinReplicas) })
	p.permissions(ctx)
	for _, m := range p.masters {
		if m.timeErr != nil {
			r.Unknown("clock", m.timeErr, "let the user call TIME")
			continue
		}
		doctor.Clock(r, m.now, m.sent, m.received)
	}
	return doctor.Opened{
		Driver: d,
		Slow:   p.foreignKeys,
		Close:  func() error { return errors.Join(d.Close(), client.Close()) },
	}, nil
}

// heedContext has the client give up when the context of a call ends.
func heedContext(client redis.UniversalClient) {
	switch c := client.(type) {
	case *redis.Client:
		c.Options().ContextTimeoutEnabled = true
	case *redis.ClusterClient:
		c.Options().ContextTimeoutEnabled = true
	}
}

// A redisPatient is what checks of Redis look at.
type redisPatient struct {
	client  redis.UniversalClient
	opts    *redisstore.Options
	masters []*master
	*doctor.Report
}

// A master is what one server says of itself.
type master struct {
	client              *redis.Client
	info                map[string]string // empty: the user may not call INFO
	config              map[string]string
	infoErr, configErr  error
	now, sent, received time.Time
	timeErr             error
}

// each makes a check of each master. If all are OK, it reports the first one's line.
func (p *redisPatient) each(check string, of func(*master) doctor.Line) {
	var ok []doctor.Line
	for _, m := range p.masters {
		l := of(m)
		if l.Check = check; l.Level == doctor.OK {
			ok = append(ok, l)
			continue
		}
		if len(p.masters) > 1 {
			l.Text = m.client.Options().Addr + ": " + l.Text
		}
		p.Add(l)
	}
	if len(ok) == len(p.masters) && len(ok) > 0 {
		if len(ok) > 1 {
			ok[0].Text += fmt.Sprintf(" (the first of %d masters)", len(ok))
		}
		p.Add(ok[0])
	}
}

// askMasters asks all masters at once. An error is that of a server which does not answer.
func askMasters(ctx context.Context, client redis.UniversalClient) ([]*master, error) {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		m, err := ask(ctx, client.(*redis.Client))
		return []*master{m}, err
	}
	var mu sync.Mutex
	var masters []*master
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, one *redis.Client) error {
		m, err := ask(ctx, one)
		mu.Lock()
		defer mu.Unlock()
		masters = append(masters, m)
		return err
	})
	slices.SortFunc(masters, func(a, b *master) int { return cmp.Compare(a.client.Options().Addr, b.client.Options().Addr) })
	return masters, err
}

func ask(ctx context.Context, client *redis.Client) (*master, error) {
	m := &master{client: client, sent: time.Now()}
	now, err := client.Time(ctx).Result()
	m.now, m.received, m.timeErr = now, time.Now(), err
	if err != nil && !refused(err) {
		return m, err
	}
	info, err := client.Info(ctx).Result()
	if m.infoErr = err; err != nil && !refused(err) {
		return m, err
	}
	m.info = make(map[string]string)
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			m.info[name] = value
		}
	}
	m.config, m.configErr = client.ConfigGet(ctx, "*").Result()
	return m, nil
}

// refused reports whether a server answers, and does not let the user call the command.
func refused(err error) bool {
	return redis.HasErrorPrefix(err, "NOPERM") || redis.HasErrorPrefix(err, "unknown command")
}

// has reports whether the server tells a field of INFO, and how else to find out.
func (m *master) has(field string) (doctor.Line, bool) {
	if m.info[field] != "" {
		return doctor.Line{}, true
	}
	why := "INFO lacks " + field
	if m.infoErr != nil {
		why = m.infoErr.Error()
	}
	return unknown(why, "let the user call INFO, or run the command as an administrator"), false
}

func unknown(why, remedy string) doctor.Line {
	return doctor.Line{Level: doctor.Warn, Text: "this check could not be made: " + why, Remedy: remedy}
}

func fine(format string, args ...any) doctor.Line {
	return doctor.Line{Text: fmt.Sprintf(format, args...)}
}

func (m *master) number(field string) int64 {
	n, _ := strconv.ParseInt(m.info[field], 10, 64)
	return n
}
