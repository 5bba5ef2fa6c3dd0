package page

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/memstore"
)

// TestLooksOfGroups is TestLooks for the pages of groups.
func TestLooksOfGroups(t *testing.T) {
	b := open(t)
	mem := memstore.New()
	store := checkpoint.New(mem, nil)
	defer store.Close()
	shareOut(t, store, mem)
	server := serve(t, store)
	for name, path := range map[string]string{"groups": "/groups", "group": "/group?name=clicks", "list": "/"} {
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				b.size(width, scheme)
				b.do(chromedp.Navigate(server.URL + "/consumers" + path))
				b.fits()
				b.picture(fmt.Sprintf("%s-%d-%s.png", name, width, scheme), name != "list")
				b.quiet()
			}
		}
	}
}

// shareOut stores two groups with members in many states.
func shareOut(t *testing.T, store *checkpoint.Store, mem *memstore.Driver) {
	t.Helper()
	now := time.Now()
	joins := func(name string, m checkpoint.Member, first, last int) {
		m.Weight, m.Since = max(1, m.Weight), now.Add(-3*time.Hour)
		_, err := store.Beat(t.Context(), name, m, time.Minute)
		do(t, err)
		do(t, store.DeclareGroup(t.Context(), name))
		for p := first; p <= last; p++ {
			key := group.Key(name, fmt.Sprint(p))
			l, err := store.Acquire(t.Context(), key, m.Name, time.Minute)
			do(t, err)
			_, err = store.SetIfNewer(t.Context(), key, at(uint64(9000+p)), checkpoint.Epoch(l.Epoch)) //nolint:gosec // it is small
			do(t, err)
			_, err = store.Report(t.Context(), key, checkpoint.Status{Instance: m.Name, State: checkpoint.StateRunning, Now: now, Since: now}, time.Minute)
			do(t, err)
		}
	}
	joins("clicks", checkpoint.Member{Name: "clicks-7f9c-1", Host: "worker-1", PID: 4127, Version: "2.9.1"}, 0, 24)
	joins("clicks", checkpoint.Member{Name: "clicks-7f9c-2", Host: "worker-2", PID: 981, Version: "2.9.1", Weight: 2}, 25, 74)
	joins("clicks", checkpoint.Member{Name: "a-member-with-a-name-that-has-no-end-and-no-place-to-break-it-4f0a7cd211", Host: "worker-3"}, 75, 77)
	joins("mail", checkpoint.Member{Name: "mail-1"}, 0, 3)
	_, err := store.Acquire(t.Context(), "clicks/78", "stranger", time.Minute)
	do(t, err)
	do(t, store.Set(t.Context(), "clicks/79", at(3)))
	mem.Damage("clicks/3")
	_, err = driver.ReportTo(t.Context(), mem, []driver.Report{{Key: "group:clicks:members", Instance: "torn", Text: "{", TTL: time.Minute}})
	do(t, err)
	by := checkpoint.WithBy(t.Context(), "ana@ops", "INC-2210: worker-1 gets a new disk")
	do(t, store.OrderGroup(by, "clicks", checkpoint.GroupOrder{Drain: "clicks-7f9c-1"}))
	do(t, store.OrderGroup(by, "clicks", checkpoint.GroupOrder{Pin: "78", To: "clicks-7f9c-9"}))
}
