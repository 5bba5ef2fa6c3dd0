package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"time"
)

// pingVariable makes this program another client of the server at the address
// in it: a process of its own, since it must not share a scheduler with what it
// runs beside.
const pingVariable = "CHECKPOINT_BENCH_PING"

var errNotAsked = errors.New("no pings are wanted")

// servePingsIfAsked sends a PING each millisecond until standard input ends,
// and then prints how many nanoseconds each took.
func servePingsIfAsked(ctx context.Context) error {
	addr := os.Getenv(pingVariable)
	if addr == "" {
		return errNotAsked
	}
	return servePings(ctx, addr, os.Stdin, os.Stdout)
}

func servePings(ctx context.Context, addr string, in io.Reader, out io.Writer) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := ping(conn); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	var ended atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, in)
		ended.Store(true)
	}()
	var times []time.Duration
	for due := time.Now(); (len(times) == 0 || !ended.Load()) && ctx.Err() == nil; due = due.Add(time.Millisecond) {
		start := due
		if early := time.Until(due); early > 0 {
			// What is late here is the sleep, not the server.
			time.Sleep(early)
			start = time.Now()
		}
		// Where the answer before was late this one is, too: somebody who had
		// something to ask would have waited since it was due.
		if err := ping(conn); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	w := bufio.NewWriter(out)
	for _, t := range times {
		fmt.Fprintln(w, int64(t))
	}
	return w.Flush()
}

func ping(conn net.Conn) error {
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return err
	}
	var answer [7]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	if string(answer[:]) != "+PONG\r\n" {
		return fmt.Errorf("the answer to PING is %q", answer)
	}
	return nil
}

// during runs f and returns the times that PINGs of another process took
// meanwhile.
func during(ctx context.Context, addr string, f func() error) (times []time.Duration, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), pingVariable+"="+addr)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stdout)
	err = errors.New("the process that sends PINGs did not start")
	if lines.Scan() && lines.Text() == "ready" {
		err = f()
	}
	_ = stdin.Close()
	for lines.Scan() {
		n, convErr := strconv.ParseInt(lines.Text(), 10, 64)
		err = errors.Join(err, convErr)
		times = append(times, time.Duration(n))
	}
	err = errors.Join(err, lines.Err(), cmd.Wait())
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil && len(times) == 0 {
		err = errors.New("no PING was sent")
	}
	return times, err
}
