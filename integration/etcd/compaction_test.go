package etcd

import (
	"slices"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

func fill(t *testing.T, d driver.Driver, n int, commit uint64) {
	t.Helper()
	var ws []driver.Write
	for _, key := range keys(n) {
		ws = append(ws, write(driver.Set, key, commit))
	}
	gets(t, d, driver.Advanced, ws...)
}

// All pages of a walk are of one revision.
func TestWalkIsOnePicture(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	fill(t, d, 50, 1)
	n := 0
	for page, err := range d.ScanRecords(t.Context(), "*", 7) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			if r.Position.Commit != 1 {
				t.Errorf("%q is at %d, which was written during the walk", r.Key, r.Position.Commit)
			}
		}
		if n == 0 {
			fill(t, d, 60, 2)
		}
		n += len(page)
	}
	if n != 50 {
		t.Errorf("the walk found %d keys, want 50", n)
	}
}

// If the revision is compacted, the walk goes on with the next key, at a later revision.
func TestWalkGoesOnAfterACompaction(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	fill(t, d, 50, 1)
	var found []string
	commit := uint64(1)
	compact := func() {
		commit++
		fill(t, d, 50, commit)
		at, err := d.client.Get(t.Context(), "none")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.client.Compact(t.Context(), at.Header.Revision); err != nil {
			t.Fatal(err)
		}
	}
	for page, err := range d.Scan(t.Context(), "*", 7) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, page...)
		if len(found) == 14 || len(found) == 28 {
			compact()
		}
	}
	if !slices.Equal(found, keys(50)) {
		t.Errorf("the walk found %d keys, want 50, each once: %q", len(found), found)
	}
	for page, err := range d.ScanCells(t.Context(), "*", 7) {
		if err != nil {
			t.Fatal(err)
		}
		if page[0].Key == keys(50)[0] {
			compact()
		}
	}
}
