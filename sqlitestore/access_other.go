//go:build !unix

package sqlitestore

func checkAccess(string) error { return nil }

func checkFolder(string) error { return nil }

func resolve(path string) string { return path }

func syncFolder(string) error { return nil }
