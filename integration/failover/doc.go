// Package failover takes the master away from under writers and consumers, again
// and again: it is killed, it hands over by command, or it is stopped, and comes
// back as a master that knows nothing of its successor. The servers are a master
// with two replicas behind three Sentinels, and a cluster of three masters with a
// replica each. A PostgreSQL with a replica has nobody who keeps a former primary from
// writing on: there the test keeps it out of reach.
//
// Each write of a writer has a key of its own. So what was acknowledged, and is
// not there after the failover, is found and counted. Some writers follow the
// master, as the clients of a service do. Others cling to the former one. Half of
// each wait for all replicas, and must lose nothing.
//
// Two consumers are at work meanwhile, each with two instances that compete for
// its lease. However far a failover throws a checkpoint back, what is at or below
// it must have been handled. Of the consumer that waits for all replicas no
// checkpoint may fall back, and no epoch be granted twice.
package failover
