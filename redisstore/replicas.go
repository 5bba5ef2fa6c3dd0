package redisstore

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// defaultReplicaTimeout is well below the read timeout of a client by default.
const defaultReplicaTimeout = time.Second

// validateReplicas checks that client can wait as opts ask, and says how.
func (o *Options) validateReplicas(client redis.UniversalClient) (replicas, error) {
	r := replicas{o.MinReplicas, o.ReplicaTimeout}
	if r.timeout == 0 {
		r.timeout = defaultReplicaTimeout
	}
	switch {
	case r.min == 0:
		return replicas{}, nil
	case r.min < 0:
		return replicas{}, fmt.Errorf("redisstore: MinReplicas is %d, it must not be negative", r.min)
	case r.timeout < time.Millisecond: // to Redis zero means for ever
		return replicas{}, fmt.Errorf("redisstore: ReplicaTimeout is %v, it must be a millisecond or more", r.timeout)
	}
	var read time.Duration
	switch c := client.(type) {
	case *redis.Client:
		read = c.Options().ReadTimeout
	case *redis.ClusterClient:
		read = c.Options().ReadTimeout
	default:
		return replicas{}, fmt.Errorf("redisstore: MinReplicas needs a *redis.Client or a *redis.ClusterClient, this is a %T", client)
	}
	if read > 0 && r.timeout >= read {
		return replicas{}, fmt.Errorf("redisstore: ReplicaTimeout is %v, it must be below the client's ReadTimeout of %v", r.timeout, read)
	}
	return r, nil
}

// takeReplicas moves min_replicas and replica_timeout from a URL's query to o.
func (o *Options) takeReplicas(query url.Values) error {
	if query.Has("min_replicas") {
		n, err := strconv.Atoi(query.Get("min_replicas"))
		if err != nil {
			return errors.New("redisstore: min_replicas in the URL is no number")
		}
		if o.MinReplicas != 0 && o.MinReplicas != n {
			return fmt.Errorf("redisstore: the URL says min_replicas %d, the Options say %d", n, o.MinReplicas)
		}
		o.MinReplicas = n
	}
	if query.Has("replica_timeout") {
		t, err := time.ParseDuration(query.Get("replica_timeout"))
		if err != nil {
			return errors.New("redisstore: replica_timeout in the URL is no duration")
		}
		if o.ReplicaTimeout != 0 && o.ReplicaTimeout != t {
			return fmt.Errorf("redisstore: the URL says replica_timeout %v, the Options say %v", t, o.ReplicaTimeout)
		}
		o.ReplicaTimeout = t
	}
	query.Del("min_replicas")
	query.Del("replica_timeout")
	return nil
}
