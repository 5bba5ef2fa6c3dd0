package driver_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
)

// Whoever wraps the error of a damaged part has said that it is damage, and how to
// repair it.
func TestDamageIsErrCorruptWithAHint(t *testing.T) {
	parts := []error{driver.ErrCorruptCheckpoint, driver.ErrCorruptFence, driver.ErrCorruptLease}
	for i, made := range []error{driver.DamagedCheckpoint("it is %q", "x"), driver.DamagedFence("it is %q", "x"), driver.DamagedLease("it is %q", "x")} {
		for _, err := range []error{parts[i], fmt.Errorf("reading: %w", parts[i]), made} {
			if !errors.Is(err, driver.ErrCorrupt) || driver.Hint(err) == "" {
				t.Errorf("%v: ErrCorrupt %v, hint %q", err, errors.Is(err, driver.ErrCorrupt), driver.Hint(err))
			}
			for j, part := range parts {
				if errors.Is(err, part) != (i == j) {
					t.Errorf("%v is %v: %v", err, part, i != j)
				}
			}
		}
		if want := parts[i].Error() + `: it is "x"`; made.Error() != want {
			t.Errorf("error %q, want %q", made, want)
		}
	}
}
