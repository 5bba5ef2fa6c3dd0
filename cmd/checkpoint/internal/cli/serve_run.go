package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// answerTime is how long an answer may take besides the calls of the store.
const answerTime = 15 * time.Second

// servePage serves the page until ctx ends, and then lets changes end. A change may take
// limit.
func (a *app) servePage(ctx context.Context, flags serveFlags, page http.Handler, limit time.Duration) error {
	page, err := flags.gated(page)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", flags.listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           endReads(ctx, page),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       answerTime,
		WriteTimeout:      answerTime + limit,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	a.note("the page is at http://%s/", listener.Addr())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime+limit)
	defer cancel()
	err = server.Shutdown(drain)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// endReads ends the requests that change nothing when ctx ends: some go on for as long as
// somebody looks.
func endReads(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			reading, cancel := context.WithCancelCause(r.Context())
			defer cancel(nil)
			defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
			r = r.WithContext(reading)
		}
		next.ServeHTTP(w, r)
	})
}
