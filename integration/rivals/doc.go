// Package rivals holds what people write in place of this store, as drivers, so
// that the same benchmarks measure both. Each compares positions exactly and in
// one atomic step. None knows epochs, expiry, damage or what a failure means:
// they are not meant to be used.
package rivals
