//go:build !linux

package sqlitestore

func mountedAlone(string) bool { return false }
