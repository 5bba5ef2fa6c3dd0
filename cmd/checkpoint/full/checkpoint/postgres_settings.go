package main

import (
	"fmt"
	"strings"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// postgresSettings are those that matter to the store, as they are for its role.
type postgresSettings struct {
	number           int
	version          string
	replica          bool
	readOnly         string
	encoding         string
	fsync, fullPages string
	commit, standbys string
	follow           bool // whether replicas follow
}

func line(check string, level doctor.Level, text, remedy string) doctor.Line {
	return doctor.Line{Check: check, Level: level, Text: text, Remedy: remedy}
}

func (s *postgresSettings) versionLine() doctor.Line {
	const check, oldest = "version", 130000
	if s.number < oldest {
		return line(check, doctor.Fail, "the server is PostgreSQL "+s.version+", which is too old", "use PostgreSQL 13 or later")
	}
	return line(check, doctor.OK, "the server is PostgreSQL "+s.version, "")
}

func (s *postgresSettings) roleLine() doctor.Line {
	const check = "role"
	switch {
	case s.replica:
		return line(check, doctor.Fail, "the server is a replica, which takes no writes and may lack what its primary has",
			"name the primary, or all servers: the store finds the primary")
	case s.readOnly == "on":
		return line(check, doctor.Fail, "the database takes no writes: default_transaction_read_only is on",
			"look at why it is on, such as a full disk, and set it off for the database or the role")
	}
	return line(check, doctor.OK, "the server is a primary, and takes writes", "")
}

func (s *postgresSettings) encodingLine() doctor.Line {
	const check = "encoding"
	if s.encoding != "UTF8" {
		return line(check, doctor.Warn, "the encoding of the database is "+s.encoding+", and it refuses keys with characters that it lacks",
			"use a database of encoding UTF8")
	}
	return line(check, doctor.OK, "the encoding of the database is UTF8", "")
}

// diskLine says what a crash of the server or of its machine loses.
func (s *postgresSettings) diskLine() doctor.Line {
	const check = "durability"
	switch {
	case s.fsync == "off":
		return line(check, doctor.Fail, "fsync is off: a crash of the machine may lose or damage everything", "set fsync = on")
	case s.fullPages == "off":
		return line(check, doctor.Warn, "full_page_writes is off: a crash of the machine may damage pages, unless the file system writes whole pages",
			"set full_page_writes = on")
	case s.commit == "off":
		return line(check, doctor.Warn, "synchronous_commit is off: a crash of the server loses the last acknowledged changes",
			"ALTER ROLE ... SET synchronous_commit = on")
	}
	return line(check, doctor.OK, "an acknowledged change is on the server's disk", "")
}

// failoverLine says what a failover loses.
func (s *postgresSettings) failoverLine() doctor.Line {
	const check = "failover"
	switch {
	case !s.follow && strings.TrimSpace(s.standbys) != "" && s.commit != "off" && s.commit != "local":
		return line(check, doctor.Fail, fmt.Sprintf("no replica follows, and each commit waits for one (synchronous_standby_names is %q)", s.standbys),
			"start the replicas, or change synchronous_standby_names")
	case !s.follow:
		return line(check, doctor.OK, "no replica follows, so there is no failover", "")
	case strings.TrimSpace(s.standbys) == "":
		return line(check, doctor.Warn, "replication is asynchronous: a failover loses the changes that had not reached the new primary",
			"set synchronous_standby_names")
	case s.commit == "off", s.commit == "local":
		return line(check, doctor.Warn, "synchronous_commit is "+s.commit+": a failover loses the changes that had not reached the new primary",
			"ALTER ROLE ... SET synchronous_commit = on")
	}
	return line(check, doctor.OK, "each commit waits for replicas (synchronous_standby_names is "+s.standbys+")", "")
}
