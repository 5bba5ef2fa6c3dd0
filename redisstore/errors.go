package redisstore

import (
	"fmt"
	"strconv"

	"github.com/checkpointstore/checkpoint/driver"
)

func unexpected(command string, answer any) error {
	return fmt.Errorf("redisstore: %s answered %v", command, answer)
}

func missingField(redisKey, field string) error {
	return driver.DamagedCheckpoint("the hash at Redis key %q has no field %s", redisKey, field)
}

func damaged(redisKey, what, value string) error {
	switch what {
	case "type":
		return driver.DamagedCheckpoint("Redis key %q is a %s, neither a hash nor a string", redisKey, value)
	case "string":
		return driver.DamagedCheckpoint("the string at Redis key %q is %s, not commit@prepare", redisKey, quote(value))
	case "updatedAt":
		return driver.DamagedCheckpoint("field updatedAt of Redis key %q is %s, not an ISO 8601 time", redisKey, quote(value))
	}
	return driver.DamagedCheckpoint("field %s of Redis key %q is %s, not a canonical decimal number of 64 bits",
		what, redisKey, quote(value))
}

func damagedLease(redisKey, field, value string) error {
	if value == "" {
		return driver.DamagedLease("the lease at Redis key %q has no field %s", redisKey, field)
	}
	return driver.DamagedLease("field %s of the lease at Redis key %q is %s", field, redisKey, quote(value))
}

// damagedFence says what the scripts found: either the fence's damaged value,
// or a stored epoch above the fence, and what has that epoch.
func damagedFence(redisKey string, found details) error {
	if len(found) == 3 {
		return driver.DamagedFence("the fence at Redis key %q is at epoch %s, below epoch %s of the %s",
			redisKey, found.text(0), found.text(1), found.text(2))
	}
	return driver.DamagedFence("the fence at Redis key %q holds %s, not an epoch", redisKey, quote(found.text(0)))
}

// quote shows a stored value in an error, however long and strange it is.
func quote(s string) string {
	const limit = 64
	if len(s) > limit {
		return strconv.Quote(s[:limit]) + "..."
	}
	return strconv.Quote(s)
}
