// Package etcd tests etcdstore against members of etcd that run in this process. The
// module etcdstore itself does not need etcd's server.
package etcd
