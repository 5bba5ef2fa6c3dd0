package redisstore

import (
	"strconv"
	"strings"
)

// fenceKey is the key of the fence of the checkpoint at key: in the same slot
// of a cluster, so that one script reaches both, and distinct for distinct
// keys. An operator should see which checkpoint it belongs to, so the tag is
// the checkpoint's own key, or its own tag, wherever these can be a tag.
func (d *Driver) fenceKey(key string) string {
	main := d.prefix + key
	base := d.namespace + "checkpoint-fence:{"
	if !strings.ContainsAny(main, "{}") {
		return base + main + "}"
	}
	if !strings.ContainsAny(d.namespace, "{}") {
		if tag, ok := hashTag(main); ok {
			return base + tag + "}:" + key
		}
	}
	// A lone brace, an empty tag, or braces in the namespace: search for a tag
	// that leads to the slot. One in 16,384 does, or any, if the namespace
	// holds a tag of its own.
	want := slot(main)
	for n := uint64(0); ; n++ {
		candidate := base + strconv.FormatUint(n, 10) + "}:" + key
		if slot(candidate) == want {
			return candidate
		}
	}
}

// hashTag returns what of key decides its slot: what stands between the first
// opening brace and the first closing one after it, unless that is nothing.
// From the Redis Cluster specification, "Hash tags".
func hashTag(key string) (string, bool) {
	_, rest, ok := strings.Cut(key, "{")
	if !ok {
		return "", false
	}
	tag, _, ok := strings.Cut(rest, "}")
	return tag, ok && tag != ""
}

// slot is the slot of key in a cluster.
func slot(key string) uint16 {
	if tag, ok := hashTag(key); ok {
		key = tag
	}
	return crc16(key) % 16384
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
