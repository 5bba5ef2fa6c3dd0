//go:build !linux

package engine

import (
	"errors"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// lookAtDisk reports on the file system of a folder that holds a store.
func lookAtDisk(r *doctor.Report, _ string, _ int64) {
	r.Unknown("file-system", errors.New("the command knows no way on this system"), "make sure that the disk is local and has room")
}
