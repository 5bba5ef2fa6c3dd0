// Package groups tests package group with more than the standard library: its rule with
// random situations, and its members in processes of their own.
//
// Each process is a member of a group. Its consumers handle the events of partitions whose
// logs grow with time. A supervisor kills processes, stops them for longer than the TTL,
// calls them off, cuts them off from the store, and starts many at once, in rounds.
//
// A process appends to a file of its own what it does, with one write(2) for each record:
// when a consumer begins and ends, each event, each position that was stored, and when the
// process itself did not run. An event also changes a read model in memory that all
// processes share, guarded by the epoch. All records have the time of one monotonic clock.
// The supervisor reads the checkpoints all the time. After each round it holds the records
// to these rules:
//
//   - no two members believe in one partition at the same time, except that a process which
//     did not run may believe until it notices;
//   - from when the next owner begins, the read model and the store refuse the former one;
//   - each lease of a partition has an epoch of its own;
//   - no event is skipped: not within a tenure, not between two, not below the checkpoint;
//   - if an owner has ended in good order, the next one begins with the event after its last;
//   - a checkpoint never goes back, and neither does its epoch;
//   - once the faults are over, each partition has an owner, and the numbers of the members
//     differ by 1 at most;
//   - while nothing happens, nothing moves.
//
// TestSaboteursOfAGroup breaks a member in one way for each of the rules that package group itself
// must keep, and expects the rule to be found broken.
package groups
