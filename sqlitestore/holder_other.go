//go:build !linux

package sqlitestore

func lockHolder(string) (process, bool) { return process{}, false }

func userOf(string) string { return "" }
