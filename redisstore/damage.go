package redisstore

import (
	"fmt"
	"strconv"

	"github.com/checkpointstore/checkpoint"
)

func unexpected(command string, answer any) error {
	return fmt.Errorf("redisstore: %s answered %v", command, answer)
}

func missingField(redisKey, field string) error {
	return fmt.Errorf("%w: the hash at Redis key %q has no field %s", checkpoint.ErrCorrupt, redisKey, field)
}

func damaged(redisKey, what, value string) error {
	switch what {
	case "type":
		return fmt.Errorf("%w: Redis key %q is a %s, neither a hash nor a string", checkpoint.ErrCorrupt, redisKey, value)
	case "string":
		return fmt.Errorf("%w: the string at Redis key %q is %s, not commit@prepare",
			checkpoint.ErrCorrupt, redisKey, quote(value))
	case "updatedAt":
		return fmt.Errorf("%w: field updatedAt of Redis key %q is %s, not an ISO 8601 time",
			checkpoint.ErrCorrupt, redisKey, quote(value))
	case "fence":
		return fmt.Errorf("%w: the lease at Redis key %q has epoch %s, which the fence has not seen; "+
			"set its field epoch to the highest that was in use", checkpoint.ErrCorrupt, redisKey, quote(value))
	case "until":
		return fmt.Errorf("%w: field until of Redis key %q is %s, not milliseconds since 1970",
			checkpoint.ErrCorrupt, redisKey, quote(value))
	}
	return fmt.Errorf("%w: field %s of Redis key %q is %s, not a canonical decimal number of 64 bits",
		checkpoint.ErrCorrupt, what, redisKey, quote(value))
}

// damagedFence says what the scripts found: what the fence holds, and the epoch
// of its checkpoint where that is higher.
func damagedFence(redisKey string, found details) error {
	what := fmt.Sprintf("holds %s, not an epoch", quote(found.text(0)))
	if len(found) == 2 {
		what = fmt.Sprintf("has epoch %s, but its checkpoint has %s", found.text(0), found.text(1))
	}
	return fmt.Errorf("%w: the fence at Redis key %q %s; "+
		"set its field epoch to the highest that was in use", checkpoint.ErrCorrupt, redisKey, what)
}

// quote shows a stored value in an error, however long and strange it is.
func quote(s string) string {
	const limit = 64
	if len(s) > limit {
		return strconv.Quote(s[:limit]) + "..."
	}
	return strconv.Quote(s)
}
