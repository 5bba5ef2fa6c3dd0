package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/web"
)

// A viewer keeps what a stream sends.
type viewer struct {
	mu   sync.Mutex
	head http.Header
	sent strings.Builder
	code int
}

func (v *viewer) Header() http.Header { return v.head }

func (v *viewer) WriteHeader(code int) { v.code = code }

func (v *viewer) Flush() {}

func (v *viewer) Write(b []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sent.Write(b)
}

func (v *viewer) saw(text string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return strings.Contains(v.sent.String(), text)
}

// watch looks at a stream until the test ends.
func (s *scene) watch(ctx context.Context, target string) *viewer {
	v := &viewer{head: make(http.Header)}
	r := httptest.NewRequest(http.MethodGet, target, nil).WithContext(ctx)
	go s.page.ServeHTTP(v, r)
	return v
}

// TestOneReadForAll: viewers share the reads of the store, and nobody's look reads none.
func TestOneReadForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		s.set("k", 1)
		reads := func(want int32, when string) {
			t.Helper()
			synctest.Wait()
			if got := s.mem.reads.Swap(0); got > want {
				t.Errorf("%s the store was read %d times, want %d", when, got, want)
			}
		}
		for range 20 {
			s.see("/")
			s.see("/consumer?key=k")
			s.see("/api/status")
			s.see("/healthz")
		}
		reads(1, "by 80 requests at once")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for i := range 50 {
			s.watch(ctx, "/events"+strings.Repeat("?key=k", i%2))
			time.Sleep(17 * time.Millisecond)
		}
		time.Sleep(20 * time.Second)
		reads(11, "by 50 streams, in 21 seconds,")
		cancel()
		time.Sleep(3 * time.Second)
		reads(1, "as the streams ended,")
		time.Sleep(time.Hour)
		reads(0, "while nobody looked,")
	})
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		s.set("k", 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		list, one, other := s.watch(ctx, "/events"), s.watch(ctx, "/events?key=k"), s.watch(ctx, "/events?find=other")
		time.Sleep(3 * time.Second)
		s.set("k", 4711)
		time.Sleep(3 * time.Second)
		if !list.saw("4711") || !one.saw("4711") || other.saw("4711") || !other.saw("No consumer matches") {
			t.Errorf("the streams sent\n%s\n%s\n%s", &list.sent, &one.sent, &other.sent)
		}
		s.mem.hangs.Store(true)
		time.Sleep(20 * time.Second)
		if !list.saw("What you see is old") || !one.saw("What you see is old") {
			t.Error("a stream does not say that its rows are old")
		}
		if got := list.head.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("the type of a stream is %q", got)
		}
		cancel()
		time.Sleep(time.Minute)
	})
}

func TestTooManyStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 64 {
			s.watch(ctx, "/events")
		}
		synctest.Wait()
		s.code(s.get("/events"), http.StatusServiceUnavailable)
		s.see("/")
		cancel()
		time.Sleep(time.Minute)
		again, stop := context.WithCancel(t.Context())
		v := s.watch(again, "/events")
		if synctest.Wait(); v.code == http.StatusServiceUnavailable {
			t.Error("the places of ended streams are not free")
		}
		stop()
		time.Sleep(time.Minute)
	})
}

// TestStreamOutlivesTheLimitsOfItsServer: short limits on reading and writing are right for
// all other answers.
func TestStreamOutlivesTheLimitsOfItsServer(t *testing.T) {
	s := newScene(t, &web.Options{Every: 20 * time.Millisecond})
	server := httptest.NewUnstartedServer(s.page)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	server.Start()
	defer server.Close()
	answer, err := server.Client().Get(server.URL + "/events")
	s.do(err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for began := time.Now(); time.Since(began) < time.Second; {
		if !lines.Scan() {
			t.Fatalf("the stream has ended after %v: %v", time.Since(began), lines.Err())
		}
	}
}
