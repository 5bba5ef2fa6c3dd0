package etcdstore

import (
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A part is one of the etcd keys that hold what is stored for one key of a checkpoint.
type part int

const (
	checkpointPart part = iota
	fencePart
	leasePart
	heldPart // exists as long as the lease lasts: an etcd lease removes it
	parts
)

var folders = [parts]string{"checkpoint/", "fence/", "lease/", "held/"}

// etcdKey returns the etcd key of a part. The key stands last and verbatim, so that the
// keys with one prefix are a range.
func (d *Driver) etcdKey(p part, key string) string { return d.prefix + folders[p] + key }

// A value is what one etcd key holds. The zero value is that of an absent key.
type value struct {
	data      []byte
	revision  int64            // the revision of the last change; 0: the key is absent
	etcdLease clientv3.LeaseID // removes the key when it ends; 0: none
}

// A state is what etcd holds for one key.
type state [parts]value
