package histories

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/servertest"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// A Request is one call of a driver, on its way to another process.
type Request struct {
	Read, Delete []string
	Write        []driver.Write
	History      string    // the key
	By           driver.By // of a Delete or a RaiseFence
	Raise        string    // the key
	AtLeast      uint64
	Method       method // if it concerns leases
	Leases       []driver.Lease
	Timeout      time.Duration
}

// A Reply is the driver's answer. Its errors are apart, since they cannot be sent
// as what they are.
type Reply struct {
	Records []driver.Record
	Results []driver.Result
	Deleted int
	Entries []driver.AuditEntry
	Fence   uint64
	Leases  []driver.LeaseResult
	Errs    []Failure // of each record, result or lease
	Err     Failure   // of the call
}

// A Failure is an error, or none, as it travels.
type Failure struct {
	Text                      string
	NotFound, Corrupt, Fenced bool
	Held                      *driver.LeaseHeldError
}

func pack(err error) Failure {
	if err == nil {
		return Failure{}
	}
	f := Failure{
		Text: err.Error(), NotFound: errors.Is(err, driver.ErrNotFound),
		Corrupt: errors.Is(err, driver.ErrCorrupt), Fenced: errors.Is(err, driver.ErrFenced),
	}
	errors.As(err, &f.Held)
	return f
}

func (f Failure) unpack() error {
	switch {
	case f.NotFound:
		return driver.ErrNotFound
	case f.Held != nil:
		return f.Held
	case f.Fenced:
		return fmt.Errorf("%w: %s", driver.ErrFenced, f.Text)
	case f.Corrupt:
		return fmt.Errorf("%w: %s", driver.ErrCorrupt, f.Text)
	case f.Text != "":
		return errors.New(f.Text)
	}
	return nil
}

// A Served driver answers another process.
type Served struct{ d *sqlitestore.Driver }

// Do makes a call.
func (s Served) Do(in Request, out *Reply) error {
	ctx, cancel := context.WithTimeout(driver.WithBy(context.Background(), in.By), in.Timeout)
	defer cancel()
	var err error
	switch {
	case in.Read != nil:
		out.Records, err = s.d.Get(ctx, in.Read)
		for i := range out.Records {
			out.Errs = append(out.Errs, pack(out.Records[i].Err))
			out.Records[i].Err = nil
		}
	case in.Write != nil:
		out.Results, err = s.d.Write(ctx, in.Write)
		for i := range out.Results {
			out.Errs = append(out.Errs, pack(out.Results[i].Err))
			out.Results[i].Err = nil
		}
	case in.Delete != nil:
		out.Deleted, err = s.d.Delete(ctx, in.Delete)
	case in.Raise != "":
		out.Fence, err = s.d.RaiseFence(ctx, in.Raise, in.AtLeast)
	case in.History != "":
		out.Entries, err = s.d.History(ctx, in.History, driver.AuditEntries)
	case in.Method == acquire:
		out.Leases, err = s.d.Acquire(ctx, in.Leases)
	case in.Method == renew:
		out.Leases, err = s.d.Renew(ctx, in.Leases)
	case in.Method == release:
		out.Leases, err = s.d.Release(ctx, in.Leases)
	}
	for i := range out.Leases {
		out.Errs = append(out.Errs, pack(out.Leases[i].Err))
		out.Leases[i].Err = nil
	}
	out.Err = pack(err)
	return nil
}

type standardPipes struct {
	io.Reader
	io.WriteCloser
}

// serve is the life of a process with a driver of its own. It ends with its
// standard input.
func serve(path string) error {
	d, err := sqlitestore.Open(context.Background(), path, nil)
	if err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.RegisterName("driver", Served{d}); err != nil {
		return err
	}
	server.ServeConn(standardPipes{os.Stdin, os.Stdout})
	return d.Close()
}

// A remote is the driver of another process. Once that is killed every call
// fails, and what was under way may have landed.
type remote struct {
	path string

	mu     sync.Mutex
	cmd    *exec.Cmd
	client *rpc.Client
}

// startRemote starts a process that dies with the test.
func startRemote(t *testing.T, path string) *remote {
	t.Helper()
	r := &remote{path: path}
	if err := r.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.kill)
	return r
}

func (r *remote) start() error {
	cmd := exec.Command(os.Args[0])
	// The race detector otherwise waits a second before it lets a process end.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", envFile+"="+r.path)
	cmd.Stderr = os.Stderr
	servertest.DieWithParent(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cmd, r.client = cmd, rpc.NewClient(standardPipes{out, in})
	return nil
}

// kill ends the process as kill -9 does.
func (r *remote) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.cmd.Process.Kill()
	_ = r.client.Close()
	_ = r.cmd.Wait()
}

func (r *remote) call(ctx context.Context, in Request) (Reply, error) {
	r.mu.Lock()
	client := r.client
	r.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok {
		in.Timeout = time.Until(deadline)
	}
	var out Reply
	err := client.Call("driver.Do", in, &out)
	return out, errors.Join(err, out.Err.unpack())
}

func (r *remote) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	out, err := r.call(ctx, Request{Read: keys})
	for i := range out.Records {
		out.Records[i].Err = out.Errs[i].unpack()
	}
	return out.Records, err
}

func (r *remote) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	out, err := r.call(ctx, Request{Write: writes})
	for i := range out.Results {
		out.Results[i].Err = out.Errs[i].unpack()
	}
	return out.Results, err
}

func (r *remote) Delete(ctx context.Context, keys []string) (int, error) {
	out, err := r.call(ctx, Request{Delete: keys, By: driver.ByOf(ctx)})
	return out.Deleted, err
}

func (r *remote) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	out, err := r.call(ctx, Request{Raise: key, AtLeast: atLeast, By: driver.ByOf(ctx)})
	return out.Fence, err
}

func (r *remote) History(ctx context.Context, key string, _ int) ([]driver.AuditEntry, error) {
	out, err := r.call(ctx, Request{History: key})
	return out.Entries, err
}

func (r *remote) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return r.hold(ctx, acquire, leases)
}

func (r *remote) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return r.hold(ctx, renew, leases)
}

func (r *remote) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return r.hold(ctx, release, leases)
}

func (r *remote) hold(ctx context.Context, m method, leases []driver.Lease) ([]driver.LeaseResult, error) {
	out, err := r.call(ctx, Request{Method: m, Leases: leases})
	for i := range out.Leases {
		out.Leases[i].Err = out.Errs[i].unpack()
	}
	return out.Leases, err
}
