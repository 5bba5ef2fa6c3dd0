// Package soak lets everything run at the same time for a while, on servers of Redis,
// PostgreSQL and etcd that are killed and on an SQLite file that is locked again and again,
// and looks at what grows: goroutines, heap, connections, file handles.
package soak
