package engine

import (
	"golang.org/x/sys/unix"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// lookAtDisk reports on the file system of a folder that holds a store of size bytes.
func lookAtDisk(r *doctor.Report, folder string, size int64) {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		r.Unknown("file-system", err, "run the command as the user of the consumers")
		return
	}
	lookAtFileSystem(r, folder, uint32(stat.Type))
	lookAtRoom(r, int64(stat.Bavail)*stat.Bsize, size)
}
