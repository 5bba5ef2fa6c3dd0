package group

import (
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A View is what a member knows of its group after a beat.
type View struct {
	Group   string
	Member  string // this member
	Members []checkpoint.Member

	// Targets says which member shall hold each partition. Owners says who holds the
	// lease of each partition, a member or not. A partition that no member shall hold is
	// not in Targets, and a partition whose lease nobody holds is not in Owners.
	Targets, Owners map[string]string
}

// A ViewObserver is an Observer that hears of each beat of a member.
type ViewObserver interface {
	// Viewed is called on the goroutine of the member's beats, which waits for it. The
	// maps and lists of v must not be changed.
	Viewed(v View)
}

// A Move is a partition that a member has gained or given up.
type Move struct {
	Group, Member, Partition string
	Key                      string // of the checkpoint
	Gained                   bool   // false: given up

	// Took is how long the move took this member: from when it knew that it shall hold the
	// partition until the subscription was open, or from when it began to give the
	// partition up until the consumer had returned and the subscription was closed. Zero:
	// the member did not give the partition up, but the partition failed, ended or was
	// lost.
	Took time.Duration
}

// A MoveObserver is an Observer that hears of each partition that a member gains or gives
// up.
type MoveObserver interface {
	// Moved may be called concurrently for several partitions.
	Moved(m Move)
}
