package redisstore

import (
	"strconv"
	"strings"
	"sync"
)

const (
	fencePrefix = "checkpoint-fence:"
	auditPrefix = "checkpoint-audit:"

	samplesPrefix = "checkpoint-samples:"
	hoursPrefix   = "checkpoint-samples:hours:"
	reportsPrefix = "checkpoint-reports:"
)

func (d *Driver) fenceKey(key string) string { return d.companion(fencePrefix, key) }

func (d *Driver) auditKey(key string) string { return d.companion(auditPrefix, key) }

func (d *Driver) reportsKey(key string) string { return d.companion(reportsPrefix, key) }

// samplesKeys are the keys of the samples of key, and of those that are the last of an hour.
func (d *Driver) samplesKeys(key string) (samples, hours string) {
	return d.companion(samplesPrefix, key), d.companion(hoursPrefix, key)
}

// companion is the key of what belongs to the checkpoint at key: its fence, audit entries,
// samples or reports. In a cluster all are in the same slot, so that one script reaches them. Distinct
// keys have distinct companions. An operator should see which checkpoint a companion belongs
// to. So the tag is the checkpoint's own key, or its own tag, if either can be a tag.
func (d *Driver) companion(prefix, key string) string {
	main := d.prefix + key
	base := d.namespace + prefix + "{"
	switch {
	case !strings.ContainsAny(main, "{}"):
		return base + main + "}"
	case strings.ContainsAny(d.namespace, "{}"):
		return base + "0}:" + key // the namespace's tag decides the slot
	}
	if tag, ok := hashTag(main); ok {
		return base + tag + "}:" + key
	}
	// A lone brace, or an empty tag: use a number that leads to the same slot.
	return base + slotTags()[slot(main)] + "}:" + key
}

// nudgeKey is a key in the same slot as redisKey, which is the key of a
// checkpoint or a fence. Nothing stays stored there. No fence has this name:
// each fence has a brace after fencePrefix.
func (d *Driver) nudgeKey(redisKey string) string {
	if key, ok := strings.CutPrefix(redisKey, d.prefix); ok {
		redisKey = d.fenceKey(key)
	}
	return d.namespace + fencePrefix + "nudge:" + strings.TrimPrefix(redisKey, d.namespace+fencePrefix)
}

// slotTags has a number for each slot. As a tag, the number leads to the slot.
var slotTags = sync.OnceValue(func() *[slots]string {
	var tags [slots]string
	for n, left := uint64(0), slots; left > 0; n++ {
		tag := strconv.FormatUint(n, 10)
		if s := slot(tag); tags[s] == "" {
			tags[s] = tag
			left--
		}
	}
	return &tags
})

// hashTag returns the part of key that decides its slot: the text between the
// first opening brace and the first closing brace after it, unless this text is
// empty. From the Redis Cluster specification, "Hash tags".
func hashTag(key string) (string, bool) {
	_, rest, ok := strings.Cut(key, "{")
	if !ok {
		return "", false
	}
	tag, _, ok := strings.Cut(rest, "}")
	return tag, ok && tag != ""
}

// slots is how many hash slots a cluster has.
const slots = 16384

// slot is the slot of key in a cluster.
func slot(key string) uint16 {
	if tag, ok := hashTag(key); ok {
		key = tag
	}
	return crc16(key) % slots
}

// crc16 is CRC-16/XMODEM: polynomial 0x1021, zero at first, nothing reflected.
// From the Redis Cluster specification, "Key distribution model".
func crc16(s string) uint16 {
	var crc uint16
	for i := range len(s) {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^s[i]]
	}
	return crc
}

var crcTable = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
		table[i] = crc
	}
	return table
}()
