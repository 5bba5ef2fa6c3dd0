package engine

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

func version(m *master, fsync bool) doctor.Line {
	if l, ok := m.has("redis_version"); !ok {
		return l
	}
	v := m.info["redis_version"]
	var major, minor int
	_, _ = fmt.Sscanf(v, "%d.%d", &major, &minor)
	if major < 6 || major == 6 && minor < 2 {
		return doctor.Line{Level: doctor.Fail, Text: "the server is Redis " + v + ", which is too old", Remedy: "use Redis 6.2 or later, or Valkey"}
	}
	if fsync && (major < 7 || major == 7 && minor < 2) {
		return doctor.Line{Level: doctor.Fail, Text: "the server is Redis " + v + ", and fsync_aof needs 7.2", Remedy: "use Redis 7.2 or later, or Valkey, or leave fsync_aof out"}
	}
	if own := m.info["valkey_version"]; own != "" {
		return fine("the server is Valkey %s", own)
	}
	return fine("the server is Redis %s", v)
}

func eviction(m *master, accepted bool) doctor.Line {
	if l, ok := m.has("maxmemory_policy"); !ok {
		return l
	}
	const remedy = "CONFIG SET maxmemory-policy noeviction, and set it in the server's configuration"
	policy := m.info["maxmemory_policy"]
	text := "maxmemory-policy is " + policy
	switch {
	case policy == "noeviction":
		return fine("%s", text)
	case strings.HasPrefix(policy, "volatile-"):
		return doctor.Line{Level: doctor.Warn, Text: text + ": a checkpoint that has a TTL may vanish before its end", Remedy: remedy}
	case accepted:
		return doctor.Line{Level: doctor.Warn, Text: text + ", as accept_eviction accepts: checkpoints and fences may vanish", Remedy: remedy}
	}
	return doctor.Line{Level: doctor.Fail, Text: text + ": checkpoints and fences may vanish, and the store refuses the server", Remedy: remedy}
}

func memory(m *master) doctor.Line {
	if l, ok := m.has("used_memory"); !ok {
		return l
	}
	used, limit, of := m.number("used_memory"), m.number("maxmemory"), "maxmemory"
	if limit == 0 {
		limit, of = m.number("total_system_memory"), "the machine's memory (maxmemory is not set)"
	}
	if limit == 0 {
		return fine("%s are used, and maxmemory is not set", doctor.Bytes(used))
	}
	text := fmt.Sprintf("%s of %s are used, %s", doctor.Bytes(used), doctor.Bytes(limit), of)
	remedy := "raise maxmemory, or remove what is not needed: without memory the server refuses writes"
	switch share := float64(used) / float64(limit); {
	case share >= 0.95:
		return doctor.Line{Level: doctor.Fail, Text: text, Remedy: remedy}
	case share >= 0.8:
		return doctor.Line{Level: doctor.Warn, Text: text, Remedy: remedy}
	}
	return fine("%s", text)
}

// persistence reports what a restart or a crash of the server loses.
func persistence(m *master, fsync bool) doctor.Line {
	if l, ok := m.has("aof_enabled"); !ok {
		return l
	}
	aof := m.info["aof_enabled"] == "1"
	switch {
	case aof && m.info["aof_last_write_status"] == "err":
		return doctor.Line{Level: doctor.Fail, Text: "the last write to the append-only file failed", Remedy: "look at the server's log, and at its disk"}
	case m.info["rdb_last_bgsave_status"] == "err":
		return doctor.Line{Level: doctor.Fail, Text: "the last snapshot failed, and the server may refuse writes", Remedy: "look at the server's log, and at its disk"}
	case !aof && fsync:
		return doctor.Line{
			Level: doctor.Fail, Text: "fsync_aof needs an append-only file, and the server has none",
			Remedy: "CONFIG SET appendonly yes, and set it in the server's configuration",
		}
	case aof:
		return appendOnly(m)
	}
	return snapshots(m)
}

func appendOnly(m *master) doctor.Line {
	switch policy := m.config["appendfsync"]; policy {
	case "always":
		return fine("each write is on the disk when its call returns (appendfsync always)")
	case "everysec":
		return fine("a crash of the machine loses a second of writes at most (appendfsync everysec)")
	case "no":
		return doctor.Line{
			Level: doctor.Warn, Text: "appendfsync is no: a crash of the machine loses what the system had not written, often half a minute",
			Remedy: "CONFIG SET appendfsync everysec or always, and set it in the server's configuration",
		}
	}
	return unknown("appendfsync is not known: "+m.whyNoConfig(), "make sure that appendfsync is everysec or always")
}

func snapshots(m *master) doctor.Line {
	const remedy = "CONFIG SET appendonly yes, and set it in the server's configuration"
	save, known := m.config["save"]
	switch {
	case !known:
		return doctor.Line{
			Level: doctor.Warn, Text: "there is no append-only file, and nobody can tell whether there are snapshots: " + m.whyNoConfig(), Remedy: remedy,
		}
	case save == "":
		return doctor.Line{Level: doctor.Fail, Text: "nothing is on a disk: after a restart the server is empty, and answers that every key is missing", Remedy: remedy}
	}
	return doctor.Line{Level: doctor.Warn, Text: "there are snapshots alone (save " + save + "): a crash loses all writes since the last one", Remedy: remedy}
}

func (m *master) whyNoConfig() string {
	if m.configErr != nil {
		return m.configErr.Error()
	}
	return "CONFIG GET does not tell"
}

// replicas compares the replicas that follow with those for which writes wait, and with
// those without which the master takes no writes.
func replicas(m *master, wish int) doctor.Line {
	if l, ok := m.has("connected_slaves"); !ok {
		return l
	}
	online := 0
	for name, value := range m.info {
		if strings.HasPrefix(name, "slave") && strings.Contains(value, "state=online") {
			online++
		}
	}
	least, _ := strconv.Atoi(cmp.Or(m.config["min-replicas-to-write"], "0"))
	following := doctor.Counted(online, "replica follows", "replicas follow")
	switch {
	case online < wish:
		return doctor.Line{
			Level: doctor.Fail, Text: fmt.Sprintf("%s, and each write waits for %d (min_replicas)", following, wish),
			Remedy: "start replicas, or lower min_replicas",
		}
	case online < least:
		return doctor.Line{
			Level: doctor.Fail, Text: fmt.Sprintf("%s, and the master takes no write without %d (min-replicas-to-write)", following, least),
			Remedy: "start replicas, or lower min-replicas-to-write",
		}
	case wish < online:
		return doctor.Line{
			Level: doctor.Warn, Text: fmt.Sprintf("%s, and each write waits for %d: a failover may lose acknowledged writes", following, wish),
			Remedy: fmt.Sprintf("set min_replicas=%d in the URL of the consumers (Options.MinReplicas), and in this one", online),
		}
	case online == 0:
		return fine("no replica follows, so there is no failover")
	}
	return fine("%s, and each write waits for all", following)
}
