package page

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/web"
	"github.com/checkpointstore/checkpoint/memstore"
)

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

// serve mounts the page under a prefix, as a server with other pages does.
func serve(t *testing.T, store *checkpoint.Store) *httptest.Server {
	t.Helper()
	page := web.Handler(store, &web.Options{Write: true, Actor: func(*http.Request) string { return "eva" }})
	return start(t, http.StripPrefix("/consumers", page))
}

// start serves until the test ends. Then each request ends, too. So Close waits for no stream,
// not even for a stream that the browser opens at this moment.
func start(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.BaseContext = func(net.Listener) context.Context { return t.Context() }
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The fields of forms.
const (
	find   = chromedp.CSS("[name=find]")
	goal   = chromedp.CSS("[name=to]")
	typed  = chromedp.CSS("[name=typed]")
	reason = chromedp.CSS("[name=reason]")
)

// TestPage does what a person does: looks, finds, and rewinds.
func TestPage(t *testing.T) {
	b := open(t)
	store := checkpoint.New(memstore.New(), nil)
	defer store.Close()
	do(t, store.Set(t.Context(), "orders/<b>1</b>", at(100), checkpoint.By("ana", "<script>alert(1)</script>")))
	do(t, store.Set(t.Context(), "other", at(7)))
	server := serve(t, store)
	b.do(chromedp.Navigate(server.URL + "/consumers/"))
	b.sees("orders/<b>1</b>")

	do(t, store.Set(t.Context(), "other", at(4711)))
	b.sees("4711") // the stream brings it

	b.do(chromedp.SendKeys(find, "orders/*"), chromedp.Submit(find))
	b.sees("1–1 of 1")
	b.do(chromedp.Click(chromedp.CSS("td.key a")))
	b.sees("<script>alert(1)</script>")

	b.do(chromedp.Click(chromedp.CSS(".actions a")), chromedp.WaitVisible(goal), chromedp.SendKeys(goal, "60"), chromedp.Submit(goal))
	b.sees("redoes 40")
	b.do(chromedp.SendKeys(typed, "orders/<b>1</b>"), chromedp.SendKeys(reason, "INC-7"), chromedp.Click(chromedp.CSS("button.primary")))
	b.sees("went from C:100/P:100")
	b.do(chromedp.Click(chromedp.CSS("main a.button")))
	b.sees("INC-7")
	b.sees("rewound")
	b.quiet()

	c, err := store.Get(t.Context(), "orders/<b>1</b>")
	do(t, err)
	entries, err := store.History(t.Context(), c.Key, 1)
	do(t, err)
	if c.Position != at(60) || entries[0].Actor != "eva" {
		t.Errorf("it is at %s, by %q", c.Position, entries[0].Actor)
	}
}

// TestLostServer: rows that nobody renews any more do not look like new ones.
func TestLostServer(t *testing.T) {
	b := open(t)
	mem := memstore.New()
	store := checkpoint.New(mem, nil)
	defer store.Close()
	do(t, store.Set(t.Context(), "orders", at(100)))
	server := serve(t, store)
	b.do(chromedp.Navigate(server.URL + "/consumers/"))
	b.sees("orders")
	mem.Fail(http.ErrServerClosed)
	b.sees("Last read")
	mem.Fail(nil)
	b.sees("Read just now")
	server.Listener.Close() // first, so that the browser cannot come back
	server.CloseClientConnections()
	b.hearsNothing()
	b.quiet("net::ERR")
}

// hearsNothing waits until the page says that nobody renews it.
func (b *browser) hearsNothing() {
	b.Helper()
	for range 600 {
		said := value(b, chromedp.Evaluate[string](`getComputedStyle(document.body, "::before").content`))
		if strings.Contains(said, "No news from the server since") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Error("the page does not say that its rows are old")
}

// TestSilentServer: a connection may be dead without an error.
func TestSilentServer(t *testing.T) {
	b := open(t)
	store := checkpoint.New(memstore.New(), nil)
	defer store.Close()
	do(t, store.Set(t.Context(), "orders", at(100)))
	page := web.Handler(store, nil)
	server := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		page.ServeHTTP(w, r)
	}))
	b.do(chromedp.Navigate(server.URL))
	b.sees("orders")
	b.hearsNothing()
	b.quiet()
}

// TestMetricsLint: the names of the metrics follow the rules of Prometheus.
func TestMetricsLint(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	defer store.Close()
	do(t, store.Set(t.Context(), "orders", at(1)))
	answer := httptest.NewRecorder()
	web.Handler(store, nil).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	problems, err := promlint.New(answer.Body).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
