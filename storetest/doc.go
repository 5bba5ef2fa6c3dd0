// Package storetest is the conformance suite of checkpoint drivers. It checks the promises
// of package driver, as far as a test can. So consumers may move to another engine.
//
// The test of a driver says in a [Harness] how to reach the engine, and calls [Run]:
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
//	who has changed what         audit, samples, adopt
//	who is at work               lease, lease-batch, notify, reports, groups
//	what is damaged              damage, damaged-fence, damaged-lease
//	what is there                get, delete, keys, scan, pattern, inspect
//	many at once                 batch, slices, concurrency, shared
//	what fails                   context, outage, close
//	a Store over the driver      store
//
// A driver need not have every ability of package driver. If a driver lacks an ability,
// the cases of this ability only check that the error says so. If a case cannot hold
// on an engine, name the case in Harness.Except, with the reason.
//
// [Bench] measures any engine by the same code.
package storetest
