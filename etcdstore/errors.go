package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/checkpointstore/checkpoint/driver"
)

// patience is how long a request may take. etcd's own limit is about 7 seconds. A request
// that may be sent again has less time, since another member may answer it.
const (
	patience = 10 * time.Second
	attempt  = patience / 4
)

var errNoAnswer = errors.New("no answer")

// errOtherCluster may be of a change that the other cluster has made.
var errOtherCluster = errors.New("the answer comes from another cluster than the first one")

// because returns err, or why ctx has ended if that is the reason.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return rpctypes.Error(err)
}

// isUnavailable reports whether a server could not answer at the time.
func isUnavailable(err error) bool { return codeOf(err) == codes.Unavailable }

func codeOf(err error) codes.Code {
	if e, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		return e.Code()
	}
	return status.Code(err)
}

// refusals are the errors after which a transaction has certainly not been made.
//
// etcd's ErrNoSpace is none of them: the server that notices first that the space is
// exceeded makes the transaction, and answers with the error.
var refusals = []error{
	rpctypes.ErrPermissionDenied, rpctypes.ErrInvalidAuthToken, rpctypes.ErrAuthOldRevision, rpctypes.ErrUserEmpty,
	rpctypes.ErrAuthFailed, rpctypes.ErrTooManyOps, rpctypes.ErrRequestTooLarge, rpctypes.ErrTooManyRequests,
	rpctypes.ErrDuplicateKey, rpctypes.ErrEmptyKey, rpctypes.ErrLeaseNotFound, rpctypes.ErrNoLeader,
}

func isRefused(err error) bool { return isAny(err, refusals) }

// isOfOneKey reports whether a transaction of one key may succeed if one of several has
// failed with err.
func isOfOneKey(err error) bool {
	return isAny(err, []error{rpctypes.ErrPermissionDenied, rpctypes.ErrTooManyOps, rpctypes.ErrRequestTooLarge, rpctypes.ErrLeaseNotFound})
}

func isLeaseGone(err error) bool { return errors.Is(err, rpctypes.ErrLeaseNotFound) }

func isAny(err error, errs []error) bool {
	for _, e := range errs {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// A hintedError is an error of etcd with the remedy.
type hintedError struct {
	fact string
	hint string
	err  error
}

func (e *hintedError) Error() string {
	if e.fact == "" {
		return fmt.Sprintf("etcdstore: %v", e.err)
	}
	return fmt.Sprintf("etcdstore: %s: %v", e.fact, e.err)
}

func (e *hintedError) Unwrap() error { return e.err }

// Hint returns the remedy.
func (e *hintedError) Hint() string { return e.hint }

var hints = []struct {
	errs       []error
	fact, hint string
}{
	{
		[]error{rpctypes.ErrNoSpace},
		"etcd is out of space and refuses changes",
		"compact and defragment it, or raise --quota-backend-bytes, then clear the alarm with etcdctl alarm disarm",
	},
	{
		[]error{rpctypes.ErrPermissionDenied},
		"the user may not do this",
		"grant its role readwrite on the prefix with etcdctl role grant-permission --prefix",
	},
	{
		[]error{rpctypes.ErrInvalidAuthToken, rpctypes.ErrAuthOldRevision},
		"etcd does not accept the token of the user",
		"try again: the client asks for a new token; if this lasts, check the user and the password",
	},
	{
		[]error{rpctypes.ErrUserEmpty, rpctypes.ErrAuthFailed},
		"etcd does not know the user",
		"give the user and the password of an account that etcd has",
	},
	{
		[]error{rpctypes.ErrNoLeader, rpctypes.ErrLeaderChanged, rpctypes.ErrTimeoutDueToLeaderFail},
		"etcd has no leader at the moment",
		"try again; if this lasts, see that a majority of the members runs and is connected",
	},
	{
		[]error{errNoAnswer, rpctypes.ErrTimeout, rpctypes.ErrTimeoutDueToConnectionLost, rpctypes.ErrTimeoutWaitAppliedIndex},
		"etcd has not answered in time",
		"see that a majority of the members runs and is connected, and that their disks are fast enough",
	},
	{
		[]error{rpctypes.ErrCompacted},
		"etcd has compacted the revision that was read",
		"start the walk again",
	},
	{
		[]error{errOtherCluster},
		"the members are of several clusters",
		"name the members of one cluster, and look for a member that was made anew; if etcd was restored, restart this process",
	},
	{
		[]error{rpctypes.ErrTooManyRequests},
		"etcd has too many requests to apply",
		"try again later, and see that the disks of the members are fast enough",
	},
}

// failure returns the error of a call that met err.
func (d *Driver) failure(ctx context.Context, err error) error {
	switch {
	case d.root.Err() != nil:
		return driver.ErrClosed
	case ctx.Err() != nil && !errors.Is(err, errNoAnswer):
		return ctx.Err()
	}
	return explain(err)
}

// explain returns err as the fact, with the remedy.
func explain(err error) error {
	if _, ok := errors.AsType[*hintedError](err); ok {
		return err
	}
	err = rpctypes.Error(err)
	for _, h := range hints {
		if isAny(err, h.errs) {
			return &hintedError{h.fact, h.hint, err}
		}
	}
	if isUnavailable(err) {
		return &hintedError{"no member of etcd could be reached", "see that the endpoints are right and that a majority of the members runs", err}
	}
	if isGivenUp(err) {
		return &hintedError{
			"the request was given up before etcd answered",
			"see that the members are fast enough, that a proxy before them gives a request 10 seconds, and that nobody closes the client while the store uses it", err,
		}
	}
	return &hintedError{err: err}
}
