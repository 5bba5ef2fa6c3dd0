package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/web"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// everyPage are pages that only read.
var everyPage = []string{
	"/", "/?find=k&state=stopped&sort=age&page=9", "/consumer?key=k", "/healthz", "/metrics", "/api/status", "/api/history?key=k",
	"/style.css", "/page.js", "/icon.svg", "/nothing", "/consumer?key=nothing", "/?sort=nonsense", "/?state=nonsense", "/?page=-1",
	"/groups", "/group?name=orders", "/group?name=nothing", "/api/groups", "/api/group?name=orders", "/api/group?name=nothing",
	"/api/status?sort=nonsense", "/api/history?key=", "/change?do=rewind&key=k", "/change?do=nonsense&key=k",
}

func TestHeaders(t *testing.T) {
	s := newScene(t, &web.Options{Write: true})
	s.joins("orders", "host-1", "1")
	s.set("k", 1)
	answers := map[string]http.Header{"a POST from elsewhere": s.post(nil, "Origin", "https://elsewhere.example").Header()}
	for _, page := range everyPage {
		answers[page] = s.get(page).Header()
	}
	for name, header := range answers {
		for field, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := header.Get(field); got != want {
				t.Errorf("%s has %s %q, want %q", name, field, got, want)
			}
		}
		policy := header.Get("Content-Security-Policy")
		s.holds(policy, "default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self'", "connect-src 'self'",
			"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'")
		s.lacks(policy, "unsafe")
	}
}

// TestPagesObeyTheirPolicy: a browser would ignore an inline script or style.
func TestPagesObeyTheirPolicy(t *testing.T) {
	s := newScene(t, &web.Options{Write: true})
	s.joins("orders", "host-1", "1")
	s.set("k", 1)
	s.set("k", 2)
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script>|https?://`)
	for _, page := range everyPage {
		if w := s.get(page); strings.Contains(w.Header().Get("Content-Type"), "text/html") {
			if found := inline.FindString(w.Body.String()); found != "" {
				t.Errorf("%s has %q", page, found)
			}
		}
	}
}

// TestKeysAreText follows the link of each key, and finds the key as text.
func TestKeysAreText(t *testing.T) {
	keys := []string{"a/../b", "<script>alert(1)</script>", "é", "k%2F", "a&key=b", `"><img src=x>`, "a b+c", "#?", "..", "日本"}
	s := newScene(t, &web.Options{Write: true})
	for _, key := range keys {
		err := s.store.Set(t.Context(), key, at(1), checkpoint.By("<b>ana</b>", "<i>why</i>"))
		s.do(err)
		s.lease(key, "<u>owner</u>")
		_, err = s.store.Report(t.Context(), key, checkpoint.Status{
			Instance: "<s>one</s>", State: checkpoint.StateRunning, LastError: "<em>wrong</em>", Host: "<q>host</q>",
		}, time.Minute)
		s.do(err)
	}
	list := s.see("/")
	links := regexp.MustCompile(`href="(consumer\?[^"]*)">([^<]*)</a>`).FindAllStringSubmatch(list, -1)
	found := make(map[string]bool)
	for _, link := range links {
		key := html.UnescapeString(link[2])
		found[key] = true
		page := s.see("/" + html.UnescapeString(link[1]))
		s.holds(page, `<h1 class="key">`+link[2]+`</h1>`, html.EscapeString("<i>why</i>"))
		for _, text := range []string{list, page, s.see("/change?do=rewind&to=start&key=" + url.QueryEscape(key))} {
			s.lacks(text, "<script>", "<img src=x", "<b>ana", "<i>why", "<u>owner", "<s>one", "<em>wrong", "<q>host")
		}
	}
	for _, key := range keys {
		if !found[key] {
			t.Errorf("the list has no link to %q", key)
		}
	}
}

// TestEveryStateHasALook: a new state needs a color.
func TestEveryStateHasALook(t *testing.T) {
	style := newScene(t, nil).see("/style.css")
	for _, state := range watch.States {
		if !regexp.MustCompile(`\.` + string(state) + `[ ,][^{]*{ color`).MatchString(style) {
			t.Errorf("style.css has nothing for %q", state)
		}
	}
}

func TestReadOnly(t *testing.T) {
	s := newScene(t, nil)
	s.set("k", 5)
	s.set("k", 9)
	for _, do := range []string{"rewind", "undo", "pause", "resume", "revoke"} {
		s.code(s.get("/change?do="+do+"&key=k"), http.StatusNotFound)
		s.code(s.post(url.Values{"do": {do}, "key": {"k"}, "typed": {"k"}, "reason": {"why"}, "to": {"start"}}), http.StatusNotFound)
	}
	s.lacks(s.see("/")+s.see("/consumer?key=k"), "change?", "method=\"post\"")
	s.holds(s.see("/"), "read only")
	s.code(s.serve(httptest.NewRequest(http.MethodPost, "/", nil)), http.StatusMethodNotAllowed)
	s.stands(9)
}

// TestOldRows: a store that fails never looks like an empty one, or like one that was read.
func TestOldRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		s.set("k", 5)
		s.mem.Fail(errors.New("refused"))
		first := s.get("/")
		s.code(first, http.StatusServiceUnavailable)
		s.holds(first.Body.String(), "not read yet", "refused")
		s.lacks(first.Body.String(), "holds no consumer", "<table")
		s.code(s.get("/consumer?key=k"), http.StatusServiceUnavailable)

		s.mem.Fail(nil)
		time.Sleep(3 * time.Second)
		s.lacks(s.see("/"), "What you see is old")
		s.code(s.get("/healthz"), http.StatusOK)

		s.mem.Fail(errors.New("refused at redis://ana:open-sesame@db:1/0, password=open-sesame"))
		time.Sleep(30 * time.Second)
		list := s.see("/")
		s.holds(list, "Last read 30s ago", "refused at", "class=\"list old\"", ">5<")
		s.lacks(list, "open-sesame", "redis://", "db:1")
		detail := s.see("/consumer?key=k")
		s.holds(detail, "Last read 30s ago", "The audit entries cannot be read", "class=\"old\"")
		s.lacks(detail, "open-sesame", "redis://", "Nobody has changed it")
		s.code(s.get("/healthz"), http.StatusServiceUnavailable)
		s.lacks(s.get("/healthz").Body.String(), "refused")
		for _, page := range []string{"/consumer?key=other", "/group?name=other"} {
			other := s.get(page)
			s.code(other, http.StatusServiceUnavailable)
			s.holds(other.Body.String(), "Last read 30s ago", "refused at")
			s.lacks(other.Body.String(), "Nothing is stored", "There is no")
		}
		api := s.get("/api/status")
		s.code(api, http.StatusServiceUnavailable)
		s.lacks(api.Body.String(), "open-sesame", "redis://", `"key"`)
		s.holds(s.see("/metrics"), "checkpoint_store_up 0\n")
		s.lacks(s.see("/metrics"), "checkpoint_consumers")

		s.mem.Fail(nil)
		time.Sleep(3 * time.Second)
		s.lacks(s.see("/"), "What you see is old")
		s.code(s.get("/healthz"), http.StatusOK)
	})
}

// TestHangingStore: a page does not hang with its store, and says that its rows are old.
func TestHangingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		s.set("k", 5)
		s.see("/")
		s.mem.hangs.Store(true)
		time.Sleep(20 * time.Second)
		began := time.Now()
		s.holds(s.see("/"), "Last read 20s ago", "the store has not answered yet", ">k</a>")
		if took := time.Since(began); took > time.Second {
			t.Errorf("the page took %v", took)
		}
		s.code(s.get("/healthz"), http.StatusServiceUnavailable)
		time.Sleep(time.Minute)
	})
}

// TestManyConsumers: the server pages and filters.
func TestManyConsumers(t *testing.T) {
	s := newScene(t, nil)
	for i := range 10_000 {
		_, err := s.store.SetIfNewer(t.Context(), fmt.Sprintf("orders/%05d", i), at(uint64(i)+1))
		s.do(err)
	}
	s.set("other", 3)
	began := time.Now()
	body := s.see("/")
	t.Logf("the first page took %v, and has %d bytes", time.Since(began), len(body))
	if n := strings.Count(body, "<tr class"); n != 100 || len(body) > 100_000 {
		t.Errorf("the page has %d rows and %d bytes", n, len(body))
	}
	s.holds(body, "1–100 of 10001", `href="./?page=2"`)
	s.holds(s.see("/?page=101"), "10001–10001 of 10001", ">other<", `href="./?page=100"`)
	s.holds(s.see("/?page=500"), "10001–10001 of 10001")
	s.holds(s.see("/?find=other"), "1–1 of 1")
	s.holds(s.see("/?find=orders/0001*&sort=key"), "1–10 of 10", "orders/00019")
	s.holds(s.see("/?find=nothing"), "No consumer matches.")
	s.holds(s.see("/?state=stuck"), "No consumer matches.")
}

// TestAPI: a program reads the same from the page and from the command.
func TestAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		for i := range uint64(3) {
			s.set(fmt.Sprintf("k%d", i), i)
		}
		s.set("k1", 7)
		s.lease("k2", "<a>")
		rows, err := watch.Rules{}.Snapshot(t.Context(), s.store, "*")
		s.do(err)
		watch.Sort(rows, "state")
		var want bytes.Buffer
		s.do(output.Status(&want, "json", rows))
		if got := s.see("/api/status"); got != want.String() {
			t.Errorf("the answer is\n%s, want\n%s", got, &want)
		}
		entries, err := s.store.History(t.Context(), "k1", 1)
		s.do(err)
		want.Reset()
		s.do(output.History(&want, "json", entries))
		if got := s.see("/api/history?key=k1&last=1"); got != want.String() {
			t.Errorf("the answer is\n%s, want\n%s", got, &want)
		}
		s.holds(s.see("/api/status?pattern=k[02]&sort=key"), `"k0"`, `"k2"`)
		s.lacks(s.see("/api/status?pattern=k[02]"), `"k1"`)
		if body := s.see("/api/status?state=stuck"); body != "" {
			t.Errorf("it lists %s", body)
		}
		var wrong map[string]string
		w := s.get("/api/status?state=nonsense")
		s.code(w, http.StatusBadRequest)
		s.do(json.Unmarshal(w.Body.Bytes(), &wrong))
		s.holds(wrong["error"], "nonsense")
	})
}

func TestMetrics(t *testing.T) {
	s := newScene(t, nil)
	s.set("k", 1)
	body := s.see("/metrics")
	s.holds(body, `checkpoint_consumers{state="stopped"} 0`, `checkpoint_consumers{state="silent"} 1`, "checkpoint_store_up 1")
	line := regexp.MustCompile(`^(# HELP [a-z_]+ [A-Z].*\.|# TYPE [a-z_]+ gauge|[a-z_]+(\{state="[a-z]+"\})? [0-9.]+)$`)
	for text := range strings.Lines(body) {
		if !line.MatchString(strings.TrimSuffix(text, "\n")) {
			t.Errorf("the line %q is wrong", text)
		}
	}
}

// TestDriverOfFiveMethods: the page shows what the engine has, and says what it has not.
func TestDriverOfFiveMethods(t *testing.T) {
	store := checkpoint.New(struct{ driver.Driver }{memstore.New()}, nil)
	defer store.Close()
	s := &scene{T: t, store: store, page: web.Handler(store, &web.Options{Write: true})}
	s.set("k", 100)
	s.holds(s.see("/"), ">100<")
	s.holds(s.see("/consumer?key=k"), "The engine keeps no audit entries.", "The engine keeps no samples.")
	s.code(s.get("/api/history?key=k"), http.StatusNotImplemented)
	s.holds(s.see("/groups"), "The engine keeps no groups.")
	s.code(s.get("/api/groups"), http.StatusNotImplemented)
	s.code(s.get("/change?do=pause&key=k"), http.StatusNotImplemented)
	s.code(s.post(s.fill("/change?do=rewind&key=k&to=60", "k", "why")), http.StatusOK)
	s.stands(60)
}
