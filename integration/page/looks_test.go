package page

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// TestLooks opens each page on wide and narrow screens, light and dark. Nothing is wider
// than the screen, and the browser complains of nothing. It makes the images of the docs
// if PAGE_IMAGES names their folder.
func TestLooks(t *testing.T) {
	b := open(t)
	mem := memstore.New()
	store := checkpoint.New(mem, nil)
	defer store.Close()
	furnish(t, store, mem)
	server := serve(t, store)
	for name, path := range map[string]string{
		"list":     "/",
		"consumer": "/consumer?key=" + url.QueryEscape("orders/eu"),
		"rewind":   "/change?do=rewind&to=3h&key=" + url.QueryEscape("orders/eu"),
		"ask":      "/change?do=rewind&key=" + url.QueryEscape("orders/eu"),
		"failure":  "/consumer?key=nothing",
	} {
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				b.size(width, scheme)
				b.do(chromedp.Navigate(server.URL + "/consumers" + path))
				b.fits()
				b.picture(fmt.Sprintf("%s-%d-%s.png", name, width, scheme), name != "failure" && name != "ask")
				b.quiet("404")
			}
		}
	}
}

// picture saves the page as an image of the docs.
func (b *browser) picture(name string, kept bool) {
	b.Helper()
	folder := os.Getenv("PAGE_IMAGES")
	if folder == "" || !kept {
		return
	}
	png := value(b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(folder, name), png, 0o600); err != nil {
		b.Fatal(err)
	}
}

// furnish stores consumers in many states.
func furnish(t *testing.T, store *checkpoint.Store, mem *memstore.Driver) {
	t.Helper()
	now := time.Now()
	write := func(key string, n uint64, age time.Duration, owner string) {
		opts := []checkpoint.WriteOption{checkpoint.UpdatedAt(now.Add(-age))}
		if owner != "" {
			l, err := store.Acquire(t.Context(), key, owner, time.Minute)
			do(t, err)
			opts = append(opts, checkpoint.Epoch(l.Epoch))
		}
		_, err := store.SetIfNewer(t.Context(), key, at(n), opts...)
		do(t, err)
	}
	report := func(key, instance string, n, head uint64, s checkpoint.Status) {
		s.Instance, s.Host, s.PID, s.Version, s.Now = instance, "worker-"+instance[len(instance)-1:], 4127, "2.9.1", now
		if s.State == "" {
			s.State = checkpoint.StateRunning
		}
		if n > 0 {
			s.Position, s.Head, s.Lag, s.LagTime = new(at(n)), new(at(head)), new(head-n), new(time.Duration(head-n)*40*time.Millisecond)
		}
		s.Since = now.Add(-3 * time.Hour)
		if s.AdvancedAt.IsZero() {
			s.AdvancedAt = now
		}
		_, err := store.Report(t.Context(), key, s, time.Hour)
		do(t, err)
	}
	write("billing/invoices", 88_412, 14*time.Minute, "billing-7f9c-2")
	report("billing/invoices", "billing-7f9c-2", 88_412, 90_977, checkpoint.Status{
		InFlight: 1, OldestAge: 14 * time.Minute, AdvancedAt: now.Add(-14 * time.Minute), Retries: 212, LastErrorAt: now,
		LastError: "POST https://tax.internal/v2/rates: 503 Service Unavailable",
	})
	write("search/index", 1_204_331, time.Second, "search-5d4-1")
	report("search/index", "search-5d4-1", 1_204_331, 1_298_110, checkpoint.Status{Rate: 212.4, Pace: 212.4, HeadPace: new(640.0), InFlight: 64})
	write("orders/us", 5_310_220, time.Second, "orders-a1-2")
	report("orders/us", "orders-a1-2", 5_310_220, 5_310_231, checkpoint.Status{Rate: 96.2, Pace: 96.2, HeadPace: new(97.0), InFlight: 8})
	write("emails", 410_008, 20*time.Second, "mail-1")
	report("emails", "mail-1", 410_008, 410_008, checkpoint.Status{})
	write("audit-trail", 77_003, 2*time.Hour, "")
	do(t, store.Pause(checkpoint.WithBy(t.Context(), "ana@ops", "the archive is being moved"), "audit-trail"))
	write("reports/daily", 9_120, 26*time.Hour, "")
	write("legacy/export", 31_337, 20*time.Second, "")
	write("payments/refunds", 61_240, 5*time.Minute, "pay-9")
	mem.Edit("payments/refunds", func(c *driver.Cell) { c.Lease.ExpiresAt = now.Add(-4 * time.Minute) })
	write("stock", 12, 3*time.Hour, "")
	mem.Damage("stock")
	eu := history(t, store, mem, now)
	report("orders/eu", "orders-a1-1", eu, eu+82, checkpoint.Status{Rate: 94.8, Pace: 94.8, HeadPace: new(95.1), InFlight: 6, Retries: 3})
	report("orders/eu", "orders-a1-3", 0, 0, checkpoint.Status{State: checkpoint.StateStandby})
}

// history gives orders/eu a day, in which somebody rewound it, and returns where it stands.
func history(t *testing.T, store *checkpoint.Store, mem *memstore.Driver, now time.Time) uint64 {
	t.Helper()
	const key = "orders/eu"
	position, n := uint64(3_900_000), uint64(0)
	step := func(age time.Duration, entry *driver.AuditEntry) {
		mem.EditTraced(key, func(c *driver.Cell) memstore.Trace {
			return memstore.Trace{Entry: entry, Sample: &driver.Sample{At: now.Add(-age), Position: at(position)}}
		})
	}
	moved := func(age time.Duration, by driver.By, op string, to uint64) {
		e := driver.AuditEntry{At: now.Add(-age), Op: op, By: by, Old: new(at(position)), New: new(at(to)), OldEpoch: n, NewEpoch: n + 1}
		position, n = to, n+1
		step(age, &e)
	}
	for age := 24 * time.Hour; age > 0; age -= 10 * time.Minute {
		position += 5_000 + 4_000*uint64(age%(6*time.Hour)/time.Hour)
		step(age, nil)
		switch age {
		case 15 * time.Hour:
			moved(age-time.Second, driver.By{Actor: "orders-a1-1", Reason: "after orders-a0-4"}, driver.AuditTakeOver, position)
		case 9 * time.Hour:
			moved(age-time.Second, driver.By{Actor: "ana@ops", Reason: "INC-2210: prices of 09:00 to 12:00 were wrong"}, driver.AuditRewind, position-260_000)
		}
	}
	position += 8_110
	mem.Edit(key, func(c *driver.Cell) { c.Fence.Epoch = n })
	l, err := store.Acquire(t.Context(), key, "orders-a1-1", time.Minute)
	do(t, err)
	_, err = store.SetIfNewer(t.Context(), key, at(position), checkpoint.Epoch(l.Epoch), checkpoint.LogID("orders@eu-central"))
	do(t, err)
	return position
}
