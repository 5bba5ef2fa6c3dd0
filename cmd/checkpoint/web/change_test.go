package web_test

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/web"
)

func writable(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, &web.Options{Write: true, Actor: func(*http.Request) string { return "eva" }})
	s.set("k", 100)
	return s
}

// latest is the latest audit entry.
func (s *scene) latest() checkpoint.AuditEntry {
	s.Helper()
	entries, err := s.store.History(s.Context(), "k", 1)
	s.do(err)
	return entries[0]
}

func TestRewind(t *testing.T) {
	s := writable(t)
	s.lease("k", "worker-1")
	s.holds(s.see("/"), ">100<")
	const preview = "/change?do=rewind&key=k&to=60"
	body := s.see(preview)
	s.holds(body, "redoes 40", ">60<", "worker-1", "locks out")
	s.lacks(body, "skips events")

	for _, wrong := range []url.Values{s.fill(preview, "", "why"), s.fill(preview, "K", "why"), s.fill(preview, "k", " ")} {
		s.code(s.post(wrong), http.StatusUnprocessableEntity)
	}
	s.stands(100)
	w := s.post(s.fill(preview, "k", "prices <were> wrong"))
	s.code(w, http.StatusOK)
	s.holds(w.Body.String(), "went from C:100/P:100", "to C:60/P:60 (epoch 2)", "locks out &#34;worker-1&#34;")
	s.stands(60)
	if e := s.latest(); e.Op != "rewind" || e.Actor != "eva" || e.Reason != "prices <were> wrong" {
		t.Errorf("the audit entry is %+v", e)
	}
	s.holds(s.see("/"), ">60<") // the next look reads again
}

// TestRewindThatWasShown: a change that is not what the person has seen is not made.
func TestRewindThatWasShown(t *testing.T) {
	s := writable(t)
	form := s.fill("/change?do=rewind&key=k&to=60", "k", "why")
	_, err := s.store.Rewind(t.Context(), "k", at(80))
	s.do(err)
	w := s.post(form)
	s.code(w, http.StatusConflict)
	s.holds(w.Body.String(), "Look again", "redoes 20")
	s.stands(80)

	form = s.fill("/change?do=rewind&key=k&to=70", "k", "why")
	err = s.store.Set(t.Context(), "k", at(50)) // it raises no fence
	s.do(err)
	s.code(s.post(form), http.StatusConflict)
	s.stands(50)

	form = s.fill("/change?do=rewind&key=k&to=70", "k", "why")
	s.holds(s.see("/change?do=rewind&key=k&to=70"), "SKIPS 20", "Nobody will do the events between")
	s.code(s.post(form), http.StatusOK)
	s.stands(70)
}

func TestTargets(t *testing.T) {
	s := writable(t)
	s.mem.Damage("damaged")
	s.holds(s.see("/change?do=rewind&key=k"), "how long ago")
	for to, want := range map[string]string{"start": "redoes 100", "C:1/P:2": "C:1/P:2", "100": "stays", "0s": "no time ago"} {
		s.holds(s.get("/change?do=rewind&key=k&to="+to).Body.String(), want)
	}
	for query, want := range map[string]int{
		"key=k&to=x": http.StatusUnprocessableEntity, "key=k&to=2999-01-01T00:00:00Z": http.StatusUnprocessableEntity,
		"key=k&to=2h": http.StatusConflict, "key=k&to=head": http.StatusConflict,
		"key=nothing&to=start": http.StatusNotFound, "key=&to=start": http.StatusBadRequest, "key=damaged&to=2h": http.StatusConflict,
	} {
		s.code(s.get("/change?do=rewind&"+query), want)
	}
	s.code(s.post(url.Values{"do": {"rewind"}, "key": {"k"}, "typed": {"k"}, "reason": {"why"}, "epoch": {"0"}}), http.StatusUnprocessableEntity)
	s.stands(100)
}

func TestUndo(t *testing.T) {
	s := writable(t)
	time.Sleep(2 * time.Millisecond) // entries are told apart by their time
	_, err := s.store.Rewind(t.Context(), "k", at(10))
	s.do(err)
	e := s.latest()
	preview := "/change?" + url.Values{"do": {"undo"}, "key": {"k"}, "op": {e.Op}, "at": {e.At.Format("2006-01-02T15:04:05.000Z")}}.Encode()
	s.holds(s.see("/consumer?key=k"), strings.ReplaceAll(preview[1:], "&", "&amp;"))
	s.holds(s.see(preview), "SKIPS 90", "undoes the rewind")
	s.code(s.post(s.fill(preview, "k", "a mistake")), http.StatusOK)
	s.stands(100)
	if e := s.latest(); e.Op != "undo" || !strings.HasSuffix(e.Reason, ": a mistake") {
		t.Errorf("the audit entry is %+v", e)
	}
	s.code(s.get(preview), http.StatusConflict) // it is there already
	s.code(s.get("/change?do=undo&key=k&op=rewind&at=2026-01-02T15:04:05.000Z"), http.StatusNotFound)
}

func TestPauseAndResume(t *testing.T) {
	s := writable(t)
	s.code(s.get("/change?do=resume&key=k"), http.StatusConflict)
	s.code(s.get("/change?do=pause&key=nothing"), http.StatusNotFound)
	s.code(s.post(s.fill("/change?do=pause&key=k", "k", "the database is full")), http.StatusOK)
	s.holds(s.see("/consumer?key=k"), "paused by eva: the database is full", "Resume…")
	form := s.fill("/change?do=resume&key=k", "k", "")
	s.code(s.post(form), http.StatusOK)
	statuses, err := s.store.Statuses(t.Context(), "k")
	s.do(err)
	if statuses[0].Pause != nil {
		t.Errorf("it is %s", statuses[0].Pause)
	}
}

func TestRevoke(t *testing.T) {
	s := writable(t)
	s.code(s.get("/change?do=revoke&key=k"), http.StatusConflict)
	lease := s.lease("k", "worker-1")
	form := s.fill("/change?do=revoke&key=k", "k", "it hangs")
	s.holds(s.see("/change?do=revoke&key=k"), "worker-1", "locks out")
	s.code(s.post(form), http.StatusOK)
	if _, err := s.store.SetIfNewer(t.Context(), "k", at(200), checkpoint.Epoch(lease.Epoch)); err == nil {
		t.Error("the former owner can write")
	}
	if e := s.latest(); e.Op != "revoke" || e.Actor != "eva" || e.Reason != "it hangs" {
		t.Errorf("the audit entry is %+v", e)
	}
	s.lease("k", "worker-2")
	s.code(s.post(form), http.StatusConflict) // the form is about another lease
}

// TestLostReply: a change whose reply was lost does not look like one that was not made, and
// nobody is asked to make it again.
func TestLostReply(t *testing.T) {
	s := writable(t)
	s.lease("k", "worker-1")
	for _, preview := range []string{"/change?do=revoke&key=k", "/change?do=pause&key=k", "/change?do=resume&key=k", "/change?do=rewind&key=k&to=60"} {
		form := s.fill(preview, "k", "why")
		s.mem.mute.Store(true)
		w := s.post(form)
		s.mem.mute.Store(false)
		s.code(w, http.StatusServiceUnavailable)
		s.holds(w.Body.String(), "unexpected EOF", "It is not known whether the change was made", `href="consumer?key=k"`)
		s.lacks(w.Body.String(), `method="post"`)
	}
	s.stands(60)

	form := s.fill("/change?do=rewind&key=k&to=50", "k", "why")
	s.mem.Fail(&net.OpError{Op: "dial", Err: errors.New("connection refused")})
	w := s.post(form)
	s.code(w, http.StatusServiceUnavailable)
	s.lacks(w.Body.String(), "not known")
}

// TestOnlyOwnPagesChange: a POST from another site, with or without Origin, changes nothing.
func TestOnlyOwnPagesChange(t *testing.T) {
	s := writable(t)
	form := s.fill("/change?do=rewind&key=k&to=start", "k", "why")
	for _, headers := range [][]string{
		{"Origin", "https://elsewhere.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "null"},
	} {
		s.code(s.post(form, headers...), http.StatusForbidden)
	}
	s.stands(100)
	s.code(s.post(form, "Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"), http.StatusOK)
	s.stands(0)
}

// TestLooksChangeNothing: whatever a GET asks for, the store stays as it is.
func TestLooksChangeNothing(t *testing.T) {
	s := writable(t)
	s.lease("k", "worker-1")
	before, err := s.store.Inspect(t.Context(), "k")
	s.do(err)
	entry := s.latest()
	for _, do := range []string{"rewind", "undo", "pause", "resume", "revoke"} {
		for page := range strings.FieldsSeq("/change / /consumer /events-not") {
			s.get(page + "?" + url.Values{
				"do": {do}, "key": {"k"}, "typed": {"k"}, "reason": {"why"}, "epoch": {"1"}, "to": {"start"}, "skips": {"true"},
				"op": {entry.Op}, "at": {entry.At.Format("2006-01-02T15:04:05.000Z")},
			}.Encode())
		}
	}
	for _, page := range everyPage {
		s.get(page)
	}
	after, err := s.store.Inspect(t.Context(), "k")
	s.do(err)
	statuses, err := s.store.Statuses(t.Context(), "k")
	s.do(err)
	if after != before || s.latest() != entry && s.latest().At != entry.At || statuses[0].Pause != nil {
		t.Errorf("it was %+v, and is %+v", before, after)
	}
}

func TestLongForm(t *testing.T) {
	s := writable(t)
	s.code(s.post(url.Values{"reason": {strings.Repeat("x", 1<<20)}}), http.StatusBadRequest)
}

// TestOneMakesTheChange: of many people who send what they were shown, one makes the change.
func TestOneMakesTheChange(t *testing.T) {
	s := writable(t)
	s.lease("k", "worker-1")
	form := s.fill("/change?do=rewind&key=k&to=90", "k", "why")
	var made atomic.Int32
	var people sync.WaitGroup
	for range 20 {
		people.Go(func() {
			switch w := s.post(form); w.Code {
			case http.StatusOK:
				made.Add(1)
			case http.StatusConflict:
			default:
				t.Errorf("it answers %d: %s", w.Code, w.Body)
			}
		})
	}
	people.Wait()
	s.stands(90)
	entries, err := s.store.History(t.Context(), "k", 100)
	s.do(err)
	if made.Load() != 1 || len(entries) != 2 { // the first is the set
		t.Errorf("%d changes were made, and left %d entries", made.Load(), len(entries))
	}
}
