package engine

// The engines of the command in cmd/checkpoint/full. They are not in the command that a
// user builds first, whose build they would make half as long again.
var (
	PostgreSQL = Engine{Name: "PostgreSQL", Prefixes: []string{"postgres://", "postgresql://"}, Form: "postgres://USER@HOST:PORT/DATABASE"}
	Etcd       = Engine{Name: "etcd", Prefixes: []string{"etcd://", "etcds://"}, Form: "etcd://HOST:PORT,HOST:PORT"}
)

// Standard is the table of the command that a user builds first.
var Standard = Table{SQLite, Redis, PostgreSQL, Etcd}
