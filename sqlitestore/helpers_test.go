package sqlitestore_test

import (
	"errors"
	"time"

	"github.com/checkpointstore/checkpoint"
)

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 6_789_000, time.UTC)

func isNotFound(err error) bool { return errors.Is(err, checkpoint.ErrNotFound) }
func isFenced(err error) bool   { return errors.Is(err, checkpoint.ErrFenced) }
