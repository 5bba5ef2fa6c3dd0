//go:build !unix

package sqlitestore

import "os"

func checkAccess(string) error { return nil }

func checkNames(string, os.FileInfo) error { return nil }

func resolve(path string) string { return path }

func syncFolder(string) error { return nil }
