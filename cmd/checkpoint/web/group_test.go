package web_test

import (
	"bytes"
	"context"
	"errors"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

func (s *scene) order(name string, o checkpoint.GroupOrder) {
	s.Helper()
	s.do(s.store.OrderGroup(checkpoint.WithBy(s.Context(), "<b>ana</b>", "<i>why</i>"), name, o))
}

func TestGroups(t *testing.T) {
	s := newScene(t, nil)
	s.set("k", 1)
	s.lacks(s.see("/"), `href="groups"`)
	s.holds(s.see("/groups"), "The store holds no group.")
	s.code(s.get("/group?name=orders"), http.StatusNotFound)

	s = newScene(t, nil)
	s.joins("orders", "host-1", "1", "10", "2")
	s.joins("orders", "host-2")
	s.set("orders/3", 5)
	s.lease("orders/4", "stranger")
	s.order("orders", checkpoint.GroupOrder{Drain: "host-2"})
	s.order("orders", checkpoint.GroupOrder{Pin: "1", To: "host-9"})
	s.holds(s.see("/"), `href="groups"`)
	list := s.see("/groups")
	s.holds(list, `<a href="group?name=orders">orders</a>`, `"members">2<`, `"drained">1<`, `"partitions">5<`, `"held">4<`, `"free">1<`)
	page := s.see("/group?name=orders")
	s.holds(page, "4 of 5 partitions held, 1 free", "drain host-2", "pin 1 to host-9", "waits: the member does not live")
	chips := regexp.MustCompile(`(?s)<tr>\s*<td class="key">([^<]*).*?data-label="state">([^<]*)<.*?</tr>`)
	links := regexp.MustCompile(`href="consumer\?key=orders%2F\d+" title="silent[^"]*">(\d+)</a>`)
	var got []string
	for _, row := range chips.FindAllStringSubmatch(page, -1) {
		var names []string
		for _, link := range links.FindAllStringSubmatch(row[0], -1) {
			names = append(names, link[1])
		}
		got = append(got, row[1]+" "+row[2]+" "+strings.Join(names, ","))
	}
	if want := []string{"host-1 active 1,2,10", "host-2 drained ", "stranger no member 4", "nobody free 3"}; !strings.HasPrefix(strings.Join(got, "\n"), strings.Join(want, "\n")) {
		t.Errorf("the rows are %q, want %q", got, want)
	}
	s.lacks(page+list, "change?", `method="post"`)
}

// TestNamesOfGroupsAreText follows the link of each group.
func TestNamesOfGroupsAreText(t *testing.T) {
	names := []string{"a/../b", "<script>alert(1)</script>", "k%2F", "a&key=b", `"><img src=x>`, "a b+c", "#?", "..", "日本"}
	s := newScene(t, nil)
	for _, name := range names {
		s.joins(name, "<u>owner</u>", "<s>1</s>")
		s.order(name, checkpoint.GroupOrder{Pin: "<s>1</s>", To: "<em>me</em>"})
	}
	list := s.see("/groups")
	found := make(map[string]bool)
	for _, link := range regexp.MustCompile(`href="(group\?[^"]*)">([^<]*)</a>`).FindAllStringSubmatch(list, -1) {
		found[html.UnescapeString(link[2])] = true
		page := s.see("/" + html.UnescapeString(link[1]))
		s.holds(page, `<h1 class="key">`+link[2]+`</h1>`, html.EscapeString("<u>owner</u>"), html.EscapeString("<i>why</i>"))
		for _, text := range []string{list, page} {
			s.lacks(text, "<script>", "<img src=x", "<b>ana", "<i>why", "<u>owner", "<s>1", "<em>me", "<q>host")
		}
	}
	for _, name := range names {
		if !found[name] {
			t.Errorf("the list has no link to %q", name)
		}
	}
}

// TestAPIOfGroups: a program reads the same from the page and from the command.
func TestAPIOfGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		s.joins("orders", "host-1", "1")
		s.joins("mail", "host-1", "1")
		rows, err := watch.Rules{}.Snapshot(t.Context(), s.store, "*")
		s.do(err)
		groups, err := watch.Groups(t.Context(), s.store, rows)
		s.do(err)
		var want bytes.Buffer
		s.do(output.Groups(&want, "json", groups))
		if got := s.see("/api/groups"); got != want.String() {
			t.Errorf("the answer is\n%s, want\n%s", got, &want)
		}
		want.Reset()
		s.do(output.Group(&want, "json", &groups[1]))
		if got := s.see("/api/group?name=orders"); got != want.String() {
			t.Errorf("the answer is\n%s, want\n%s", got, &want)
		}
		s.code(s.get("/api/group?name="+url.QueryEscape("<a>")), http.StatusNotFound)
		s.mem.Fail(errors.New("refused"))
		time.Sleep(3 * time.Second)
		s.code(s.get("/api/groups"), http.StatusServiceUnavailable)
		s.code(s.get("/api/group?name=orders"), http.StatusServiceUnavailable)
	})
}

// TestStreamOfGroups: the pages of groups renew themselves, and say when they are old.
func TestStreamOfGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		s.joins("orders", "host-1", "1")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		all, one := s.watch(ctx, "/events?groups=all"), s.watch(ctx, "/events?group=orders")
		time.Sleep(3 * time.Second)
		s.joins("orders", "host-4711", "2")
		s.joins("mail", "host-1")
		time.Sleep(3 * time.Second)
		if !all.saw(">mail<") || !one.saw("host-4711") || one.saw("mail") {
			t.Errorf("the streams sent\n%s\n%s", &all.sent, &one.sent)
		}
		s.mem.hangs.Store(true)
		time.Sleep(20 * time.Second)
		if !all.saw("What you see is old") || !one.saw("What you see is old") {
			t.Error("a stream does not say that its rows are old")
		}
		cancel()
		time.Sleep(time.Minute)
	})
}
