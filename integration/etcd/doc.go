// Package etcd tests etcdstore against members of etcd. They run in this process, unless
// ETCDTEST_SERVER names a server. The module etcdstore itself does not need etcd's server.
package etcd
