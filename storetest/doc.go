// Package storetest is the conformance suite of checkpoint drivers. A driver
// that passes it keeps every promise that package driver states and that a
// checkpoint.Store passes on. So consumers may move to another engine, and the
// same promises hold.
//
// A driver's own test says in a [Harness] how to reach its engine, and calls
// [Run]:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			Open:        openEmpty,
//			Reopen:      openAgain,
//			Damage:      overwriteTheCheckpoint,
//			DamageFence: overwriteTheFence,
//			DamageLease: overwriteTheLease,
//			Outage:      stopServer,
//		})
//	}
//
// Each case is a subtest named "topic/case". If it fails, it prints the rule
// that it checks. These are the topics:
//
//	what a write leaves          position, updated-at, log-id
//	how long a checkpoint lives  ttl, expiry, touch
//	who may write                fence, rewind, raise, release-fences
//	who is at work               lease, lease-batch, notify
//	what is damaged              damage, damaged-fence, damaged-lease
//	what is there                get, delete, keys, scan, pattern, inspect
//	many at once                 batch, slices, concurrency, shared
//	what fails                   context, outage, close
//	a Store over the driver      store
//
// A driver need not have every ability of package driver. If it lacks one, the
// cases of that ability only check that the error says so. If a case cannot hold
// on an engine, name it in Harness.Except with the reason.
//
// [Bench] measures any engine by the same code.
package storetest
