// Package suspend stops real processes that hold a lease, for about as long as the lease
// lasts, and proves from what they leave behind that package subscription keeps its
// promise: a holder that was away begins no event after its lease has ended, and calls
// off the handler at work within a twentieth of the TTL.
//
// Two processes consume one key of a real store. The supervisor stops the one at work
// (SIGSTOP), waits, and lets it go on (SIGCONT). In a pause the clocks of the process go
// on meanwhile, as those of a VM may. In a suspend its monotonic clock, which drives its
// timers, stands still: see package standstill.
//
// Each process writes its grants and the events that it handles to a file of its own,
// with the wall clock's time. All processes have the same wall clock, and the store's
// clock is that one, too. Let G be when the next process recorded its grant. The store
// granted it before G, and the lease of the former process had ended before that. So
// these rules hold, however slow the machine is:
//
//   - Epochs rise from grant to grant.
//   - At most one event of a tenure ends after G. After such an event the worker looks
//     at the clocks, and must begin no other.
//   - That event began before G, except if the process was stopped between the last
//     look at the clocks and the call of the handler. These are microseconds, so that
//     it is rare: no more than one in twenty take-overs.
//   - A handler finds its context alive after G for TTL/20 at most. The handler counts
//     its own pauses of TTL/100, which a slow machine makes as late as the timers of the
//     subscription: TTL / 20 / (TTL / 100) = 5 pauses, and as many again for the
//     scheduler.
package suspend
