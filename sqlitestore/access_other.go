//go:build !unix

package sqlitestore

func checkAccess(string) error { return nil }
