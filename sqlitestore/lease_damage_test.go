package sqlitestore_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// TestDamagedLease: nobody can tell whether another owner still holds it, so
// nobody may take it until its fence is raised.
func TestDamagedLease(t *testing.T) {
	for name, test := range map[string]struct {
		statement string
		kind      error
		want      string // in the error
		own       bool   // whether the owner itself gets a new one
		renew     bool   // whether the owner can renew it, which repairs it
	}{
		"epoch": {
			"UPDATE leases SET epoch = '1'", driver.ErrCorruptLease, `column epoch of the table leases is "1"`, true, true,
		},
		"expiry": {
			"UPDATE leases SET expires_at = '0'", driver.ErrCorruptLease, `column expires_at of the table leases is "0"`, true, true,
		},
		"a day that does not exist": {
			"UPDATE leases SET expires_at = '2020-13-01T00:00:00.000Z'", driver.ErrCorruptLease, `"2020-13-01T00:00:00.000Z"`, true, true,
		},
		"fence": {
			"UPDATE fences SET epoch = 'many'", driver.ErrCorruptFence, `the table fences has "many"`, false, false,
		},
		"fence that is lost": {
			"DELETE FROM fences", driver.ErrCorruptFence, `at epoch 0, below epoch 1 of the lease`, false, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.db")
			d := openAt(t, path)
			conn := shell(t, path)
			run(t, conn, "PRAGMA ignore_check_constraints = ON")
			lease := acquire(t, d, "k", "a", time.Hour)
			run(t, conn, test.statement)
			_, err := tryAcquire(t.Context(), d, "k", "b", time.Hour)
			if !errors.Is(err, test.kind) || !errors.Is(err, driver.ErrCorrupt) || !strings.Contains(err.Error(), test.want) || driver.Hint(err) == "" {
				t.Errorf("Acquire by another: %v; want %v with %s, and a hint", err, test.kind, test.want)
			}
			if renewed, err := renew(t.Context(), d, lease, time.Hour); (err == nil) != test.renew {
				t.Errorf("Renew: %v", err)
			} else if test.renew {
				mustBeHeld(t, d, renewed)
				run(t, conn, test.statement)
			}
			if again, err := tryAcquire(t.Context(), d, "k", "a", time.Hour); (err == nil) != test.own {
				t.Errorf("Acquire by the owner: %v", err)
			} else if test.own {
				mustBeHeld(t, d, again)
				run(t, conn, test.statement)
			}
			if _, err := d.RaiseFence(t.Context(), "k", 1); err != nil {
				t.Fatalf("RaiseFence: %v", err)
			}
			if taken := acquire(t, d, "k", "b", time.Hour); taken.Epoch <= lease.Epoch {
				t.Errorf("after the repair the lease has epoch %d", taken.Epoch)
			}
		})
	}
}

// TestDamagedLeaseThatIsVoid: a lease whose epoch has been passed is over,
// whenever it was to expire.
func TestDamagedLeaseThatIsVoid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	d := openAt(t, path)
	acquire(t, d, "k", "a", time.Hour)
	if _, err := checkpoint.New(d, nil).Rewind(t.Context(), "k", checkpoint.Position{}); err != nil {
		t.Fatal(err)
	}
	conn := shell(t, path)
	run(t, conn, "PRAGMA ignore_check_constraints = ON")
	run(t, conn, "UPDATE leases SET expires_at = '0'")
	acquire(t, d, "k", "b", time.Hour)
}
