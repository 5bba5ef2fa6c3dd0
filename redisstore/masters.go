package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// A masters guards against servers that lose acknowledged writes. If a server
// removes keys when its memory is full, a checkpoint may look as if it had never
// been stored. If a server has no append-only file, it cannot confirm that a write
// is on its disk.
type masters struct {
	acceptEviction bool
	fsync          bool
	log            *slog.Logger
	checked        atomic.Bool
	evict          atomic.Bool // whether a master may evict keys and Options accept it
}

// errEvicted: if the server removed the fence of a lease, the lease could be
// granted once more.
var errEvicted = errors.New("redisstore: the store grants no lease, because the maxmemory-policy of the server may remove the lease: set noeviction")

// check asks all masters about themselves. Once it has found nothing to refuse,
// it asks no more.
func (m *masters) check(ctx context.Context, p *pipelines) error {
	if m.checked.Load() {
		return nil
	}
	var warnings atomic.Value
	look := func(ctx context.Context, master *redis.Client) error {
		warning, err := m.look(ctx, master)
		if err != nil {
			return fmt.Errorf("redisstore: %s: %w", master.Options().Addr, err)
		}
		if warning != "" {
			warnings.Store(master.Options().Addr + " " + warning)
		}
		return nil
	}
	err := await(ctx, func() error {
		if p.cluster != nil {
			return p.cluster.ForEachMaster(ctx, look)
		}
		return look(ctx, p.server)
	})
	if err != nil {
		return err
	}
	if warning, ok := warnings.Load().(string); ok && !m.checked.Swap(true) {
		m.log.WarnContext(ctx, "redisstore: "+warning)
	}
	m.checked.Store(true)
	return nil
}

// look returns a warning about a master, if there is one, or the reason why it
// is refused.
func (m *masters) look(ctx context.Context, master *redis.Client) (warning string, err error) {
	info, err := master.Info(ctx).Result()
	if err != nil && !redis.HasErrorPrefix(err, "NOPERM") && !isUnknown(err) {
		return "", err
	}
	var major, minor int
	_, _ = fmt.Sscanf(infoField(info, "redis_version"), "%d.%d", &major, &minor)
	switch {
	case !m.fsync:
	case err != nil:
		return "", unfitError{fmt.Errorf("Options.FsyncAOF needs INFO, to see the append-only file: let the user call INFO, or leave FsyncAOF out: %w", err)}
	case major < 7 || major == 7 && minor < 2:
		return "", unfitError{errors.New("Options.FsyncAOF needs WAITAOF: use Redis 7.2 or later, or Valkey, or leave FsyncAOF out")}
	case infoField(info, "aof_enabled") != "1":
		return "", unfitError{errors.New("Options.FsyncAOF needs an append-only file: set appendonly yes, or leave FsyncAOF out")}
	}
	policy := infoField(info, "maxmemory_policy")
	switch {
	case policy == "":
		return "does not tell its maxmemory-policy: make sure that it is noeviction, and let the user call INFO", nil
	case policy == "noeviction":
		return "", nil
	case strings.HasPrefix(policy, "volatile-"):
		return "has the maxmemory-policy " + policy + ", and may remove a checkpoint that has a TTL before its end: set noeviction", nil
	case m.acceptEviction:
		m.evict.Store(true)
		return "has the maxmemory-policy " + policy + ", as accepted: checkpoints, fences and leases may vanish", nil
	}
	return "", unfitError{fmt.Errorf("its maxmemory-policy is %s, so that checkpoints and fences may vanish: "+
		"set it to noeviction, or accept the loss with Options.AcceptEviction, in a URL accept_eviction=true", policy)}
}

// unfitError says why a server that answers is refused.
type unfitError struct{ error }

// infoField is the value of a field of INFO, or "".
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
