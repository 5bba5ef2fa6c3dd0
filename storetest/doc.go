// Package storetest is the conformance suite of checkpoint drivers. A driver
// that passes it keeps every promise that package driver states and that a
// checkpoint.Store passes on, so that consumers may move between engines
// without a change in what holds.
//
// A driver's own test says in a [Harness] how to reach its engine, and calls
// [Run]:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			Open:    openEmpty,
//			Reopen:  openAgain,
//			Damage:  overwriteWithGarbage,
//			Outage:  stopServer,
//		})
//	}
//
// Each case is a subtest named "topic/case", and prints the rule it checks when
// it fails. A case that cannot hold on an engine is named in Harness.Except
// with the reason.
//
// [Bench] measures any engine by the same code.
package storetest
