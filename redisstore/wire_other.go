//go:build !unix

package redisstore

func (w *rawWire) dead() bool { return false }
