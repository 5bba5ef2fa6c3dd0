package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// An eviction guards against servers that remove keys when their memory is
// full: a removed checkpoint looks as if it had never been stored.
type eviction struct {
	accepted bool
	log      *slog.Logger
	checked  atomic.Bool
}

// check reads the policies of all masters, until it has once found nothing to
// refuse.
func (e *eviction) check(ctx context.Context, client redis.UniversalClient) error {
	if e.checked.Load() {
		return nil
	}
	var warnings atomic.Value
	look := func(ctx context.Context, master redis.Cmdable, name string) error {
		warning, err := e.policy(ctx, master)
		if err != nil {
			return fmt.Errorf("redisstore: %s: %w", name, err)
		}
		if warning != "" {
			warnings.Store(name + " " + warning)
		}
		return nil
	}
	err := await(ctx, func() error {
		if c, ok := client.(*redis.ClusterClient); ok {
			return c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
				return look(ctx, node, node.Options().Addr)
			})
		}
		return look(ctx, client, "the server")
	})
	if err != nil {
		return err
	}
	if warning, ok := warnings.Load().(string); ok && !e.checked.Swap(true) {
		e.log.WarnContext(ctx, "redisstore: "+warning)
	}
	e.checked.Store(true)
	return nil
}

// policy returns what is to be said of a master's policy, or why it is refused.
func (e *eviction) policy(ctx context.Context, master redis.Cmdable) (warning string, err error) {
	info, err := master.Info(ctx, "memory").Result()
	if err != nil && !redis.HasErrorPrefix(err, "NOPERM") && !isUnknown(err) {
		return "", err
	}
	policy := infoField(info, "maxmemory_policy")
	switch {
	case policy == "":
		return "does not tell its maxmemory-policy: make sure that it is noeviction, and let the user call INFO", nil
	case policy == "noeviction":
		return "", nil
	case strings.HasPrefix(policy, "volatile-"):
		return "has the maxmemory-policy " + policy + ", and may remove a checkpoint that has a TTL before its end: set noeviction", nil
	case e.accepted:
		return "has the maxmemory-policy " + policy + ", as accepted: checkpoints, fences and leases may vanish", nil
	}
	return "", fmt.Errorf("its maxmemory-policy is %s, so that checkpoints and fences may vanish: "+
		"set it to noeviction, or accept the loss with Options.AcceptEviction, in a URL accept_eviction=true", policy)
}

// infoField is the value of a field of INFO, or "".
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// takeEviction moves accept_eviction from a URL's query to o.
func (o *Options) takeEviction(query url.Values) error {
	if query.Has("accept_eviction") {
		accept, err := strconv.ParseBool(query.Get("accept_eviction"))
		if err != nil {
			return errors.New("redisstore: accept_eviction in the URL is neither true nor false")
		}
		o.AcceptEviction = accept
		query.Del("accept_eviction")
	}
	return nil
}
