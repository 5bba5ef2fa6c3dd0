package sqlitestore

import (
	"os"
	"syscall"
)

// hasNames counts the links by an open file: on Windows, os.FileInfo does not have them.
func hasNames(path string, _ os.FileInfo) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var of syscall.ByHandleFileInformation
	return syscall.GetFileInformationByHandle(syscall.Handle(f.Fd()), &of) == nil && of.NumberOfLinks > 1
}
