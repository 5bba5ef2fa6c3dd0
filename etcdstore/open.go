package etcdstore

import (
	"context"
	"errors"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// ErrURL says that [Open] cannot use a URL, or cannot use it with the given Options. Open
// has then sent nothing.
var ErrURL = errors.New("it is not the URL of an etcd")

// A urlError is an [ErrURL] with the text of its reason.
type urlError struct{ error }

func (e urlError) Is(target error) bool { return target == ErrURL }

func (e urlError) Unwrap() error { return e.error }

// Open connects to the members of etcd that url names, and reads once:
//
//	etcd://[user:password@]host:port[,host:port...][/prefix]
//	etcds://...[?ca=FILE&cert=FILE&key=FILE]
//	...[?no_shortcuts=true]
//
// The path is the [Options.Prefix], and need not end with a slash. The scheme etcds uses
// TLS: ca is a file of the certificates that sign those of the members, in place of the
// system's. Files cert and key hold the client's own certificate. The query takes
// no_shortcuts=true for Options.NoShortcuts. User and password are percent-encoded.
//
// Name all members, or several: a driver whose only member is down knows no other. For
// any other URL the error is [ErrURL]. No error shows a password.
func Open(ctx context.Context, url string, opts *Options) (*Driver, error) {
	config, opts, err := ParseURL(url, opts)
	if err != nil {
		return nil, err
	}
	client, err := connect(ctx, config)
	if err != nil {
		return nil, explain(err)
	}
	d, err := New(client, opts)
	if err != nil {
		return nil, errors.Join(urlError{err}, client.Close())
	}
	d.owned = true
	if _, err := d.ask(ctx, clientv3.OpGet(d.etcdKey(checkpointPart, "none"), clientv3.WithKeysOnly())); err != nil {
		err = d.failure(ctx, err)
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// ParseURL returns the configuration of the client that [Open] would make for a URL, and
// opts with the prefix and the flag that the URL names. It sends nothing. If the URL
// cannot be used, the error is [ErrURL].
func ParseURL(url string, opts *Options) (clientv3.Config, *Options, error) {
	t, err := parseURL(url, opts)
	if err != nil {
		return clientv3.Config{}, nil, urlError{err}
	}
	return clientv3.Config{
		Endpoints: t.endpoints, TLS: t.tls, Username: t.user, Password: t.password,
		DialKeepAliveTime: keepAliveTime, DialKeepAliveTimeout: keepAliveTimeout,
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(connecting)},
		Logger:      zap.NewNop(), // each failure is an error of its call
	}, t.opts, nil
}

// connect returns a client. If there is a user, the client first asks for a token, and
// would wait for a member for ever.
func connect(ctx context.Context, config clientv3.Config) (*clientv3.Client, error) {
	asking, cancel := context.WithTimeoutCause(ctx, patience, errNoAnswer)
	defer cancel()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(asking, end)
	config.Context = life
	client, err := clientv3.New(config)
	if stop() && err == nil {
		return client, nil // its Close ends what life was for
	}
	end()
	switch {
	case err == nil:
		_ = client.Close()
	case asking.Err() == nil:
		return nil, explain(err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, explain(errNoAnswer)
}

// A connection that is cut without a word is noticed by pings. Members refuse clients
// that ping more often than every 5 seconds.
const (
	keepAliveTime    = 6 * time.Second
	keepAliveTimeout = 3 * time.Second
)

// connecting has a client try a lost connection again before patience ends. gRPC by itself
// waits for up to two minutes, also when all members are back.
var connecting = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
	MinConnectTimeout: 5 * time.Second,
}
