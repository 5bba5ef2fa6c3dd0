package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

func (p *etcdPatient) versions(ctx context.Context) {
	auth := p.config.Username != ""
	if !auth {
		status, err := p.client.AuthStatus(ctx)
		auth = err == nil && status.Enabled || errors.Is(err, rpctypes.ErrPermissionDenied)
	}
	p.Add(versionLine(p.versionsOfMembers(), auth))
}

func (p *etcdPatient) versionsOfMembers() (all []string) {
	for _, m := range p.members {
		if m.status != nil {
			all = append(all, m.status.Version)
		}
	}
	return all
}

func versionLine(versions []string, auth bool) doctor.Line {
	const check = "version"
	if len(versions) == 0 {
		return line(check, doctor.Warn, "no member tells its version", "make sure that etcd is 3.5 or later")
	}
	oldest := slices.MinFunc(versions, func(a, b string) int { return slices.Compare(numbers(a), numbers(b)) })
	open := slices.IndexFunc(versions, ignoresRoles)
	switch {
	case slices.Compare(numbers(oldest), []int{3, 5, 0}) < 0:
		return line(check, doctor.Fail, "a member runs etcd "+oldest+", which is too old", "use etcd 3.5 or later")
	case auth && open >= 0:
		return line(check, doctor.Warn, "a member runs etcd "+versions[open]+", which ignores roles within a nested transaction (CVE-2026-33343): "+
			"users may touch each other's keys", "use etcd 3.5.28, 3.6.9, or later")
	}
	return line(check, doctor.OK, "the oldest member runs etcd "+oldest, "")
}

// ignoresRoles reports whether a version has CVE-2026-33343.
func ignoresRoles(version string) bool {
	v := numbers(version)
	return slices.Compare(v, []int{3, 5, 28}) < 0 || v[0] == 3 && v[1] == 6 && v[2] < 9
}

func numbers(version string) []int {
	n := make([]int, 3)
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &n[0], &n[1], &n[2])
	return n
}

func (p *etcdPatient) alarms(ctx context.Context) {
	const check = "alarms"
	list, err := p.client.AlarmList(ctx)
	if err != nil {
		p.Unknown(check, err, "let the user list alarms, or run `etcdctl alarm list`")
		return
	}
	for _, a := range list.Alarms {
		of := fmt.Sprintf("member %x", a.MemberID)
		switch a.Alarm {
		case etcdserverpb.AlarmType_NOSPACE:
			p.Fail(check, of+" has the alarm NOSPACE: etcd takes no writes",
				"compact and defragment, or raise --quota-backend-bytes, and then `etcdctl alarm disarm`")
		case etcdserverpb.AlarmType_CORRUPT:
			p.Fail(check, of+" has the alarm CORRUPT: its data differ from those of the others",
				"remove the member, add it again without its data, and then `etcdctl alarm disarm`")
		case etcdserverpb.AlarmType_NONE:
		}
	}
	if len(list.Alarms) == 0 {
		p.OK(check, "there is no alarm")
	}
}

// defaultQuota is that of a member which is given none.
const defaultQuota = 2 << 30

// sizeLine compares the size of the fullest member with its quota. A member since 3.6 tells
// its quota; otherwise quota is that of the metrics, or 0.
func sizeLine(members []member, quota int64) doctor.Line {
	const check, remedy = "size", "compact (--auto-compaction-retention) and defragment, or raise --quota-backend-bytes: a full etcd takes no writes"
	const most, many = 0.95, 0.8
	var worst float64
	text := "no member tells its size"
	for _, m := range members {
		if m.status == nil {
			continue
		}
		limit, of := m.status.DbSizeQuota, "its quota"
		if limit == 0 {
			limit = quota
		}
		if limit == 0 {
			limit, of = defaultQuota, "the default quota, since it does not tell its own"
		}
		if share := float64(m.status.DbSize) / float64(limit); share >= worst {
			worst = share
			text = fmt.Sprintf("the fullest member has %s (%s in use) of %s, %s",
				doctor.Bytes(m.status.DbSize), doctor.Bytes(m.status.DbSizeInUse), doctor.Bytes(limit), of)
		}
	}
	switch {
	case worst >= most:
		return line(check, doctor.Fail, text, remedy)
	case worst >= many:
		return line(check, doctor.Warn, text, remedy)
	}
	return line(check, doctor.OK, strings.TrimSpace(text), "")
}
