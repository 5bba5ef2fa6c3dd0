// Package histories records what many clients did to a few keys, and when, while
// faults run, and looks for an order of it that explains every answer: each
// operation in one step, between its call and its return, on one store that does
// what package driver says. The search is porcupine's. If there is no such
// order the engine is not linearizable.
//
// A client calls a driver, since that tells what landed. An operation that may
// have landed or not (outcome Unknown) may take effect at any time from its call
// on, also after the test: then it never did. One that Failed has no effect, so it
// is left out, and so is a Get that failed, which says nothing.
//
// Each write carries an UpdatedAt of its own, so that a Get tells which write it
// has read. TTLs, those of leases too, are whole hours and longer than any history:
// nothing expires, and the hour in which something would tells which TTL is stored.
//
// The search is exponential in the operations of a key that are unknown. So a key
// gives way to a fresh one when it has had some of those, or many operations. A
// search has a bound besides, in steps, and what it leaves open is a failure. When
// a round ends, every key is read once more, and rewound, which shows its fence.
//
// If the engine keeps audit entries, the last thing that is read of a key is its entries. The
// actor of a change names the change. So the entry that an operation has left, or that it
// has left none, is a part of its answer. An operation that is unknown and has an entry has
// landed. If it has none, it has not landed by then, or has changed nothing.
//
// TestBrokenDrivers breaks a driver in one way each, TestBrokenClients what is made
// of a reply that was lost, TestBrokenStatements the statements of PostgreSQL's driver,
// TestBrokenRequests the requests of etcd's, and TestLostWrites the server: the search must find it.
//
// Two rounds are played by default. More, and those of one seed, are
//
//	cd integration && go test ./histories -rounds 100 -seed 7
//
// The seed repeats what clients and faults choose, not when they run. A history that
// nothing explains is drawn to a file in the folder for temporary files, and the test
// says where.
package histories
