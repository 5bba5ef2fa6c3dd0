package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/etcdstore"
)

// checkEtcd asks each member about itself, which needs no majority, before it opens the
// store.
func checkEtcd(ctx context.Context, url string, r *doctor.Report) (opened doctor.Opened, err error) {
	config, _, err := etcdstore.ParseURL(url, nil)
	if err != nil {
		return opened, engine.WrongURL(err)
	}
	members := askMembers(ctx, config, config.Endpoints)
	d, err := etcdstore.Open(ctx, url, &etcdstore.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.Add(membersLine(members, nil))
		return opened, err
	}
	config.DialTimeout = patience
	client, err := clientv3.New(config)
	if err != nil {
		return opened, errors.Join(err, d.Close())
	}
	defer client.Close()
	p := etcdPatient{client, config, members, r}
	p.quorum(ctx)
	p.versions(ctx)
	p.alarms(ctx)
	metrics, err := readMetrics(ctx, config)
	p.Add(sizeLine(p.members, metrics.quota))
	p.disk(ctx, metrics, err)
	return doctor.Opened{Driver: d, Close: d.Close}, nil
}

// patience is how long one member may take to answer.
const patience = 2 * time.Second

// An etcdPatient is what checks of etcd look at.
type etcdPatient struct {
	client  *clientv3.Client
	config  clientv3.Config
	members []member
	*doctor.Report
}
