package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// etcdMetrics are those that a member counts of its disk.
type etcdMetrics struct {
	quota int64
	syncs []bucket
}

// A bucket is how many syncs took no longer than a time.
type bucket struct {
	most  time.Duration
	count float64
}

// readMetrics reads the metrics of the first member that shows them.
func readMetrics(ctx context.Context, config clientv3.Config) (found etcdMetrics, err error) {
	scheme := "http"
	if config.TLS != nil {
		scheme = "https"
	}
	transport := &http.Transport{TLSClientConfig: config.TLS}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	for _, endpoint := range config.Endpoints {
		found, err = metricsOf(ctx, client, scheme+"://"+endpoint+"/metrics")
		if err == nil {
			return found, nil
		}
	}
	return etcdMetrics{}, err
}

func metricsOf(ctx context.Context, client *http.Client, url string) (etcdMetrics, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return etcdMetrics{}, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return etcdMetrics{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return etcdMetrics{}, errors.New(answer.Status)
	}
	const limit = 16 << 20
	return parseMetrics(io.LimitReader(answer.Body, limit))
}

func parseMetrics(from io.Reader) (found etcdMetrics, err error) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		if name == "etcd_server_quota_backend_bytes" {
			found.quota = int64(value)
		}
		le, ok := strings.CutPrefix(name, `etcd_disk_wal_fsync_duration_seconds_bucket{le="`)
		if seconds, err := strconv.ParseFloat(strings.TrimSuffix(le, `"}`), 64); ok && err == nil {
			found.syncs = append(found.syncs, bucket{time.Duration(min(seconds, 3600) * float64(time.Second)), value})
		}
	}
	if len(found.syncs) == 0 {
		return found, errors.Join(errors.New("/metrics has no etcd_disk_wal_fsync_duration_seconds"), lines.Err())
	}
	return found, lines.Err()
}

// slowest returns the time within which 99 of 100 syncs end. The last bucket has all.
func slowest(syncs []bucket) (p99 time.Duration, all float64) {
	all = syncs[len(syncs)-1].count
	i := slices.IndexFunc(syncs, func(b bucket) bool { return b.count >= 0.99*all })
	return syncs[i].most, all
}

// disk reports how long the disk takes. Without metrics it times leases of etcd, which are
// changes that leave no key.
func (p *etcdPatient) disk(ctx context.Context, metrics etcdMetrics, err error) {
	const check = "disk"
	if err == nil {
		p.Add(syncLine(metrics.syncs))
		return
	}
	took, failed := p.timeLeases(ctx)
	if failed != nil {
		p.Unknown(check, errors.Join(err, failed), "let this machine read /metrics of the members")
		return
	}
	p.Add(commitLine(took, err))
}

const diskRemedy = "give the members a disk of their own with quick syncs: a slow disk costs elections, and writes whose outcome is unknown"

func syncLine(syncs []bucket) doctor.Line {
	const check, slow = "disk", 32 * time.Millisecond // etcd asks for 10
	p99, all := slowest(syncs)
	text := fmt.Sprintf("99 of 100 syncs of the log took %v or less (%.0f syncs of one member)", p99, all)
	if p99 > slow {
		return line(check, doctor.Warn, text, diskRemedy)
	}
	return line(check, doctor.OK, text, "")
}

func commitLine(took time.Duration, why error) doctor.Line {
	const check, slow = "disk", 100 * time.Millisecond
	text := fmt.Sprintf("a change took %v, as this machine sees it (the members show no metrics: %v)", took.Round(time.Millisecond/10), why)
	if took > slow {
		return line(check, doctor.Warn, text, diskRemedy)
	}
	return line(check, doctor.OK, text, "")
}

// timeLeases returns the median of some grants.
func (p *etcdPatient) timeLeases(ctx context.Context) (time.Duration, error) {
	const grants, seconds = 5, 5
	var took []time.Duration
	for range grants {
		begin := time.Now()
		lease, err := p.client.Grant(ctx, seconds)
		if err != nil {
			return 0, err
		}
		took = append(took, time.Since(begin))
		if _, err := p.client.Revoke(ctx, lease.ID); err != nil {
			return 0, err
		}
	}
	slices.Sort(took)
	return took[grants/2], nil
}
