package sqlitestore

import (
	"database/sql"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// FuzzDecode reads rows of any content: each is a checkpoint, expired, or
// damaged, and what is taken for a number is exactly that number.
func FuzzDecode(f *testing.F) {
	const zero = "00000000000000000000"
	for _, s := range []string{
		zero, "18446744073709551615", "18446744073709551616", "99999999999999999999", "00000000000000000012",
		"", "12", "+0000000000000000012", "-0000000000000000012", " 0000000000000000012", "0000000000000000001e",
		"0000000000000000_012", "0x00000000000000000f", "００００００",
	} {
		f.Add(s, zero, "2026-01-02T03:04:05.006Z", "", s)
		f.Add(zero, s, "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "")
	}
	for _, s := range []string{"", "2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.006+01:00", "2026-13-02T03:04:05.006Z"} {
		f.Add(zero, zero, s, s, "")
	}
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, commit, prepare, updatedAt, expiresAt, epoch string) {
		r := row{
			key: "k", commit: commit, prepare: prepare, updatedAt: updatedAt,
			expiresAt: sql.NullString{String: expiresAt, Valid: expiresAt != ""},
			epoch:     sql.NullString{String: epoch, Valid: epoch != ""},
		}
		got := r.record(now)
		switch {
		case errors.Is(got.Err, checkpoint.ErrNotFound):
			if at, ok := decodeTime(expiresAt); !ok || at.After(now) {
				t.Errorf("%+v is taken for expired", r)
			}
			return
		case errors.Is(got.Err, checkpoint.ErrCorrupt):
			return
		case got.Err != nil:
			t.Fatalf("%+v: %v is neither ErrNotFound nor ErrCorrupt", r, got.Err)
		}
		for text, n := range map[string]uint64{commit: got.Position.Commit, prepare: got.Position.Prepare} {
			if want, err := strconv.ParseUint(text, 10, 64); err != nil || n != want || encodeNumber(n) != text {
				t.Errorf("%q was read as %d", text, n)
			}
		}
		if encodeTime(got.UpdatedAt) != updatedAt {
			t.Errorf("%q was read as %s", updatedAt, got.UpdatedAt)
		}
	})
}
