// Package page tests the page of `checkpoint serve` in a browser, which Go's own tests
// cannot stand in for: whether it runs the page's script under the page's policy, how the
// page looks on a narrow screen, and what a person can do with it.
//
// PAGE_IMAGES=../../docs/images go test ./page -run TestLooks makes the images of the docs.
package page
