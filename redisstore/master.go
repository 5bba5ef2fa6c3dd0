package redisstore

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// errReplicas: a replica that lags, or has lost its master, lacks the latest
// writes, and may answer that nothing is there.
var errReplicas = errors.New("redisstore: the client reads from replicas, which may not know the latest writes yet: " +
	"leave out ReadOnly, RouteByLatency, RouteRandomly and ReplicaOnly, and name the master")

// ErrReplica says that a replica answered. Its master may have a key that the replica
// lacks.
var ErrReplica error = replicaError{}

type replicaError struct{}

func (replicaError) Error() string {
	return "redisstore: the server is a replica, which may not know yet what was written"
}

func (replicaError) Hint() string { return "name the master" }

// requireMaster checks the answer to ROLE.
func requireMaster(answer any, err error) error {
	if err != nil {
		if isUnknown(err) {
			return nil
		}
		return fmt.Errorf("redisstore: cannot tell whether the server is a master: %w", err)
	}
	parts, ok := answer.([]any)
	if !ok || len(parts) == 0 {
		return unexpected("ROLE", answer)
	}
	if parts[0] != "master" {
		return ErrReplica
	}
	return nil
}

// isUnknown reports whether the server lacks the command. Some services that
// speak Redis's protocol do. go-redis leaves out the ERR before the text.
func isUnknown(err error) bool { return redis.HasErrorPrefix(err, "unknown command") }
