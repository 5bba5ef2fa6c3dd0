//go:build !linux

package sqlitestore

// A folder is of use on Linux alone.
type (
	folder      struct{}
	folderState struct{}
)

func (*folder) set([]part)                         {}
func (*folder) look() (now folderState, same bool) { return now, false }
func (*folder) keep(folderState)                   {}
