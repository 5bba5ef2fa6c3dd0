package engine

import (
	"fmt"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// A fileSystem is a kind of file system on which an SQLite file is not safe.
type fileSystem struct {
	name  string
	level doctor.Level
	why   string
}

const (
	overNetwork = "SQLite's locks and shared memory do not work over a network"
	throughFUSE = "its locks and its shared memory may not work as SQLite needs them"
	inMemory    = "a restart of the machine loses the store"
	inContainer = "the store goes with its container"
)

// fileSystems are the kinds by the number that Linux gives them.
var fileSystems = map[uint32]fileSystem{
	0x6969:     {"NFS", doctor.Fail, overNetwork},
	0xff534d42: {"CIFS", doctor.Fail, overNetwork},
	0xfe534d42: {"SMB", doctor.Fail, overNetwork},
	0x517b:     {"SMB", doctor.Fail, overNetwork},
	0x5346414f: {"AFS", doctor.Fail, overNetwork},
	0x6b414653: {"AFS", doctor.Fail, overNetwork},
	0x00c36400: {"Ceph", doctor.Fail, overNetwork},
	0x0bd00bd0: {"Lustre", doctor.Fail, overNetwork},
	0x01161970: {"GFS2", doctor.Fail, overNetwork},
	0x7461636f: {"OCFS2", doctor.Fail, overNetwork},
	0x01021997: {"9p", doctor.Fail, overNetwork},
	0x786f4256: {"VirtualBox's shared folders", doctor.Fail, overNetwork},
	0x65735546: {"FUSE", doctor.Warn, throughFUSE},
	0x01021994: {"tmpfs", doctor.Warn, inMemory},
	0x858458f6: {"ramfs", doctor.Warn, inMemory},
	0x794c7630: {"overlayfs", doctor.Warn, inContainer},
}

func lookAtFileSystem(r *doctor.Report, folder string, kind uint32) {
	const check = "file-system"
	if bad, ok := fileSystems[kind]; ok {
		r.Add(doctor.Line{
			Check: check, Level: bad.level,
			Text:   fmt.Sprintf("the folder %s is on %s: %s", folder, bad.name, bad.why),
			Remedy: "move the store to a local disk: `checkpoint backup`",
		})
		return
	}
	r.OK(check, "the folder %s is on a file system without known faults (type %#x)", folder, kind)
}

// leastFree and fewFree are how much room makes a failure and a warning.
const (
	leastFree = 16 << 20
	fewFree   = 256 << 20
)

// lookAtRoom reports how many bytes are free for a store of size bytes.
func lookAtRoom(r *doctor.Report, free, size int64) {
	const check, remedy = "disk", "make room: without room every write fails"
	fact := fmt.Sprintf("%s are free, and the store has %s", doctor.Bytes(free), doctor.Bytes(size))
	switch {
	case free < leastFree:
		r.Fail(check, fact, remedy)
	case free < fewFree || free < size:
		r.Warn(check, fact, remedy)
	default:
		r.OK(check, "%s", fact)
	}
}
