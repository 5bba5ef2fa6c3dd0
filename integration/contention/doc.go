// Package contention lets real processes fight for one lease, and proves from
// what they leave behind that package subscription keeps its promises.
//
// Each process is an instance of a consumer: it waits for the lease, reads a log
// that never ends, and handles events with [subscription.Run]. A supervisor
// kills it, stops it for longer than its lease, or cuts it off from the store.
//
// An instance appends to a file of its own what it does, with one write(2) for
// each record, and for an event before that is acknowledged. So the file holds
// all that was acknowledged, whenever the process dies. The supervisor reads the
// checkpoint all the time, over a connection of its own. After each reading it
// reads on in all the files. What must have been recorded before, is there then:
// no clock is needed. Checkpoint and records are held to these rules:
//
//   - the checkpoint never goes back, and neither does its epoch;
//   - each event at or below it is recorded already, and by the instance that
//     wrote it unless that had resumed after the event;
//   - it is written only under an epoch that was granted;
//   - an epoch is granted to one instance, and later ones to the same instance
//     are higher;
//   - who takes over resumes at or after everything that was stored under an
//     earlier epoch, all events up to there are recorded, and none of them is
//     handled again;
//   - within one tenure, events of one ordering key are handled in order, and no
//     event twice;
//   - if the engine keeps audit entries, who takes over from a killed owner leaves one, and
//     each entry names who had the lease and who got it;
//   - a subscription ends by itself only because it was fenced or lost its lease,
//     and all its handlers have returned by then.
//
// Of an owner that was stopped or cut off the supervisor asks besides, each time,
// that its subscription ends by itself, that a write with its old epoch is
// refused, and that it waits for the lease again. After the last round it kills one owner after another, so
// that everyone who is left must take part.
//
// TestSaboteurs breaks the consumer, or the store under it, in one way for each
// rule, and expects that rule to be found broken.
package contention
