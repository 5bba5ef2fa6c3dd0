package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A work is what a process that will be killed does in steps that count from
// 1, alone on its key.
type work struct {
	step func(ctx context.Context, store *checkpoint.Store, key string, n uint64) error
	// stored tells the last step that took effect, which is one that was
	// acknowledged or the one after it. Of a step that did in part it says so.
	stored func(ctx context.Context, store *checkpoint.Store, key string, acknowledged uint64) (uint64, error)
}

func workKey(name string, process uint64) string { return fmt.Sprintf("%s/%d", name, process) }

var works = map[string]work{
	// Each step raises the fence as well.
	"newer": {
		step: func(ctx context.Context, store *checkpoint.Store, key string, n uint64) error {
			ok, err := store.SetIfNewer(ctx, key, at(n), checkpoint.Epoch(n))
			if err == nil && !ok {
				err = errors.New("it is stale")
			}
			return err
		},
		stored: func(ctx context.Context, store *checkpoint.Store, key string, _ uint64) (uint64, error) {
			cp, err := stored(ctx, store, key)
			if err != nil || cp.Epoch != cp.Position.Commit {
				return 0, errors.Join(err, whole(cp.Epoch == cp.Position.Commit, key, cp))
			}
			if cp.Epoch > 1 {
				_, err := store.SetIfNewer(ctx, key, cp.Position, checkpoint.Epoch(cp.Epoch-1))
				if !isFenced(err) {
					return 0, fmt.Errorf("%s: a write with an epoch below %d: %w, want ErrFenced", key, cp.Epoch, err)
				}
			}
			return cp.Position.Commit, nil
		},
	},
	"set": {
		step: func(ctx context.Context, store *checkpoint.Store, key string, n uint64) error {
			return store.Set(ctx, key, at(n), checkpoint.TTL(time.Duration(n)*time.Hour))
		},
		stored: func(ctx context.Context, store *checkpoint.Store, key string, _ uint64) (uint64, error) {
			cp, err := stored(ctx, store, key)
			ttl := cp.ExpiresAt.Sub(cp.UpdatedAt).Round(time.Minute)
			return cp.Position.Commit, errors.Join(err, whole(cp.Key == "" || ttl == time.Duration(cp.Position.Commit)*time.Hour, key, cp))
		},
	},
	"batch": {
		step: func(ctx context.Context, store *checkpoint.Store, key string, n uint64) error {
			var writes []checkpoint.Write
			for _, k := range batchKeys(key) {
				writes = append(writes, checkpoint.Write{Key: k, Mark: checkpoint.Mark{Position: at(n)}, IfNewer: true})
			}
			_, err := store.Apply(ctx, writes...)
			return err
		},
		stored: func(ctx context.Context, store *checkpoint.Store, key string, _ uint64) (uint64, error) {
			found, err := store.GetMany(ctx, batchKeys(key)...)
			first := found[batchKeys(key)[0]]
			for _, k := range batchKeys(key) {
				err = errors.Join(err, whole(found[k].Position == first.Position, k, found[k]))
			}
			return first.Position.Commit, err
		},
	},
	// An even step deletes what the odd one before it wrote.
	"delete": {
		step: func(ctx context.Context, store *checkpoint.Store, key string, n uint64) error {
			if n%2 == 0 {
				return store.Delete(ctx, key)
			}
			return store.Set(ctx, key, at(n))
		},
		stored: func(ctx context.Context, store *checkpoint.Store, key string, acknowledged uint64) (uint64, error) {
			cp, err := stored(ctx, store, key)
			if cp.Key == "" && err == nil {
				return acknowledged + acknowledged%2, nil
			}
			return cp.Position.Commit, err
		},
	},
}

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

func batchKeys(key string) []string {
	keys := make([]string, 20)
	for i := range keys {
		keys[i] = fmt.Sprintf("%s/%d", key, i)
	}
	return keys
}

// stored is the checkpoint at key, or the zero one.
func stored(ctx context.Context, store *checkpoint.Store, key string) (checkpoint.Checkpoint, error) {
	cp, err := store.Get(ctx, key)
	if isNotFound(err) {
		return checkpoint.Checkpoint{}, nil
	}
	return cp, errors.Join(err, whole(cp.Position == at(cp.Position.Commit), key, cp))
}

func whole(ok bool, key string, cp checkpoint.Checkpoint) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s was stored in part: %+v", key, cp)
}
