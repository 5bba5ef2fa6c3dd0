package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// A member is what one member says of itself.
type member struct {
	endpoint string
	status   *clientv3.StatusResponse // nil: it does not answer
	err      error
}

// fault is what is wrong with a member, or nil.
func (m *member) fault() error {
	switch {
	case m.err != nil:
		return m.err
	case m.status.Leader == 0:
		return errors.New("it has no leader")
	}
	return nil
}

// askMembers asks all at once.
func askMembers(ctx context.Context, config clientv3.Config, endpoints []string) []member {
	config.DialTimeout = patience // for the token of the user
	members := make([]member, len(endpoints))
	var wg sync.WaitGroup
	for i, endpoint := range endpoints {
		wg.Go(func() { members[i] = askMember(ctx, config, endpoint) })
	}
	wg.Wait()
	return members
}

func askMember(ctx context.Context, config clientv3.Config, endpoint string) member {
	m := member{endpoint: endpoint}
	config.Endpoints = []string{endpoint}
	client, err := clientv3.New(config)
	if err != nil {
		m.err = err
		return m
	}
	defer client.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %v", patience))
	defer cancel()
	if m.status, m.err = client.Status(ctx, endpoint); m.err != nil {
		m.err = cmp.Or(context.Cause(ctx), m.err)
	}
	return m
}

// quorum also asks the members that the URL does not name.
func (p *etcdPatient) quorum(ctx context.Context) {
	list, err := p.client.MemberList(ctx)
	if err != nil {
		p.Unknown("members", err, "look at the error")
		return
	}
	for _, one := range list.Members {
		known := slices.ContainsFunc(p.members, func(m member) bool { return m.status != nil && m.status.Header.MemberId == one.ID })
		switch {
		case known:
			continue
		case len(one.ClientURLs) == 0:
			p.members = append(p.members, member{endpoint: fmt.Sprintf("member %x", one.ID), err: errors.New("it has never started")})
			continue
		}
		p.members = append(p.members, askMembers(ctx, p.config, one.ClientURLs[:1])...)
	}
	p.Add(membersLine(p.members, list.Members))
	if len(p.config.Endpoints) == 1 && len(list.Members) > 1 {
		p.Warn("endpoints", fmt.Sprintf("the URL names one of %d members, and a store whose only member is down knows no other", len(list.Members)),
			"name several members in the URL")
	}
}

// membersLine compares the members that answer with those that there are. Nil: nobody
// tells which there are.
func membersLine(asked []member, all []*etcdserverpb.Member) doctor.Line {
	const check, remedy = "members", "start the members that are down, or look at the network between them"
	follow := make(map[uint64]bool)
	var faults []string
	for i := range asked {
		if err := asked[i].fault(); err != nil {
			faults = append(faults, asked[i].endpoint+": "+err.Error())
		} else {
			follow[asked[i].status.Header.MemberId] = true
		}
	}
	fact := strings.Join(faults, "; ")
	if all == nil {
		return line(check, doctor.Fail, fmt.Sprintf("%d of the %d members in the URL answer and have a leader; %s", len(follow), len(asked), fact), remedy)
	}
	voters, present := 0, 0
	for _, one := range all {
		if !one.IsLearner {
			voters++
			if follow[one.ID] {
				present++
			}
		}
	}
	text := fmt.Sprintf("%d of %d members answer and have a leader", present, voters)
	switch majority := voters/2 + 1; {
	case present == voters && len(faults) == 0:
		return line(check, doctor.OK, text+", and etcd answers a linearizable read", "")
	case present < majority:
		return line(check, doctor.Fail, text+"; "+fact, remedy)
	case present == majority && voters > 1:
		text += ", and without one more there is no majority"
	}
	return line(check, doctor.Warn, text+"; "+fact, remedy)
}
