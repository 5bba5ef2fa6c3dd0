package web_test

import (
	"context"
	"html"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/web"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/memstore"
)

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

// A counter counts how often the store is read as a whole, and may hang.
type counter struct {
	*memstore.Driver

	reads atomic.Int32
	hangs atomic.Bool
	mute  atomic.Bool // the reply to each change is lost
}

func (c *counter) lose(err error) error {
	if err == nil && c.mute.Load() {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *counter) Write(ctx context.Context, batch []driver.Write) ([]driver.Result, error) {
	results, err := c.Driver.Write(ctx, batch)
	return results, c.lose(err)
}

func (c *counter) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	n, err := c.Driver.RaiseFence(ctx, key, atLeast)
	return n, c.lose(err)
}

func (c *counter) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	results, err := c.Driver.Report(ctx, reports)
	return results, c.lose(err)
}

func (c *counter) ScanCells(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Cell, error] {
	c.reads.Add(1)
	if c.hangs.Load() {
		return func(yield func([]driver.Cell, error) bool) {
			<-ctx.Done()
			yield(nil, ctx.Err())
		}
	}
	return c.Driver.ScanCells(ctx, pattern, size)
}

// A scene is a page over a store in memory.
type scene struct {
	*testing.T
	mem   *counter
	store *checkpoint.Store
	page  http.Handler
}

func newScene(t *testing.T, opts *web.Options) *scene {
	t.Helper()
	mem := &counter{Driver: memstore.New()}
	store := checkpoint.New(mem, nil)
	t.Cleanup(func() { store.Close() })
	return &scene{t, mem, store, web.Handler(store, opts)}
}

func (s *scene) do(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) set(key string, n uint64) {
	s.Helper()
	err := s.store.Set(s.Context(), key, at(n), checkpoint.By("ana", "a first run"))
	s.do(err)
}

func (s *scene) lease(key, owner string) checkpoint.Lease {
	s.Helper()
	l, err := s.store.Acquire(s.Context(), key, owner, 1e12)
	s.do(err)
	return l
}

// joins makes a member that holds partitions.
func (s *scene) joins(name, member string, partitions ...string) {
	s.Helper()
	m := checkpoint.Member{Name: member, Weight: 1, Host: "<q>host</q>", PID: 7}
	_, err := s.store.Beat(s.Context(), name, m, time.Hour)
	s.do(err)
	s.do(s.store.DeclareGroup(s.Context(), name))
	for _, p := range partitions {
		s.lease(group.Key(name, p), member)
	}
}

// serve answers one request.
func (s *scene) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.page.ServeHTTP(w, r)
	return w
}

func (s *scene) get(target string) *httptest.ResponseRecorder {
	return s.serve(httptest.NewRequest(http.MethodGet, target, nil).WithContext(s.Context()))
}

// see gets a page that must be there.
func (s *scene) see(target string) string {
	s.Helper()
	w := s.get(target)
	if w.Code != http.StatusOK {
		s.Fatalf("GET %s: %d %s", target, w.Code, w.Body)
	}
	return w.Body.String()
}

func (s *scene) post(form url.Values, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/change", strings.NewReader(form.Encode())).WithContext(s.Context())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.serve(r)
}

var inForm = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// fill is the form of a preview, as a person sends it.
func (s *scene) fill(preview, typed, reason string) url.Values {
	s.Helper()
	form := url.Values{"typed": {typed}, "reason": {reason}}
	for _, field := range inForm.FindAllStringSubmatch(s.see(preview), -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	return form
}

func (s *scene) holds(body string, wants ...string) {
	s.Helper()
	for _, want := range wants {
		if !strings.Contains(body, want) {
			s.Errorf("there is no %q in\n%s", want, body)
		}
	}
}

func (s *scene) lacks(body string, others ...string) {
	s.Helper()
	for _, other := range others {
		if strings.Contains(body, other) {
			s.Errorf("there is %q in\n%s", other, body)
		}
	}
}

func (s *scene) code(w *httptest.ResponseRecorder, want int) {
	s.Helper()
	if w.Code != want {
		s.Errorf("it answers %d, want %d: %s", w.Code, want, w.Body)
	}
}

// stands checks where the key k is.
func (s *scene) stands(n uint64) {
	s.Helper()
	c, err := s.store.Get(s.Context(), "k")
	s.do(err)
	if c.Position != at(n) {
		s.Errorf("it is at %s, want %s", c.Position, at(n))
	}
}
