// Package million tests redisstore with as many checkpoints as a large system
// has: what costs a little for each shows.
package million
