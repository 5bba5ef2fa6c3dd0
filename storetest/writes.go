package storetest

import (
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var (
	morning = time.Date(2024, 5, 6, 7, 8, 9, 123e6, time.UTC)
	evening = time.Date(2024, 5, 6, 20, 21, 22, 987e6, time.UTC)
)

// Cases consist of these writes. All have the time morning, no expiry and no
// epoch, except if at, expiring or fenced changes it.

func set(key string, commit, prepare uint64) driver.Write {
	return driver.Write{
		Key:  key,
		Mark: driver.Mark{Position: driver.Position{Commit: commit, Prepare: prepare}, UpdatedAt: morning},
		Mode: driver.Set,
	}
}

func ifNewer(key string, commit, prepare uint64) driver.Write {
	w := set(key, commit, prepare)
	w.Mode = driver.IfNewer
	return w
}

func rewind(key string, commit, prepare uint64) driver.Write {
	w := set(key, commit, prepare)
	w.Mode = driver.Rewind
	return w
}

func touch(key string, ttl time.Duration) driver.Write {
	return driver.Write{Key: key, Mode: driver.Touch, TTL: ttl}
}

func at(t time.Time, w driver.Write) driver.Write {
	w.UpdatedAt = t
	return w
}

func expiring(ttl time.Duration, w driver.Write) driver.Write {
	w.TTL = ttl
	return w
}

func inLog(id string, w driver.Write) driver.Write {
	w.LogID = id
	return w
}

func fenced(epoch uint64, w driver.Write) driver.Write {
	w.Epoch = epoch
	return w
}
