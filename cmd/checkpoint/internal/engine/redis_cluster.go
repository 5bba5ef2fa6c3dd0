package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// isMaster reports whether the URL leads to a master, or nobody can tell. Otherwise no
// further check makes sense. All servers of a cluster are masters here.
func (p *redisPatient) isMaster() bool {
	if _, ok := p.client.(*redis.ClusterClient); ok {
		return true
	}
	m := p.masters[0]
	switch {
	case m.info["role"] == "slave":
		p.Fail("role", "the server is a replica, which takes no writes and may lack what its master has", "name the master, or its Sentinels")
		return false
	case m.info["cluster_enabled"] == "1":
		p.Fail("role", "the server is a node of a cluster", "add cluster=true to the query of its URL")
		return false
	}
	if l, ok := m.has("role"); !ok {
		l.Check = "role"
		p.Add(l)
		return true
	}
	p.OK("role", "the server is a master")
	return true
}

const allSlots = 16384

// slots reports whether the cluster serves every slot.
func (p *redisPatient) slots(ctx context.Context, cluster *redis.ClusterClient) error {
	const check = "cluster"
	ranges, err := cluster.Do(ctx, "CLUSTER", "SLOTS").Slice()
	if err != nil {
		return err
	}
	served := int64(0)
	for _, r := range ranges {
		fields, _ := r.([]any)
		if len(fields) < 3 {
			continue
		}
		first, _ := fields[0].(int64)
		last, _ := fields[1].(int64)
		served += last - first + 1
	}
	state := "ok"
	info, err := cluster.ClusterInfo(ctx).Result()
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "cluster_state:"); ok {
			state = value
		}
	}
	switch {
	case served < allSlots || state != "ok":
		p.Fail(check, fmt.Sprintf("the cluster serves %d of %d slots, and its state is %s", served, allSlots, state),
			"`redis-cli --cluster check` names what is missing, and `redis-cli --cluster fix` assigns slots; start the masters that are down")
	case err != nil:
		p.Unknown(check, err, "let the user call CLUSTER INFO")
	default:
		p.OK(check, "the cluster serves all slots, and its state is ok")
	}
	return nil
}
