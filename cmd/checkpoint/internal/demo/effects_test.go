package demo

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/checkpointstore/checkpoint"
)

var someEffects = []Effect{
	{Position: checkpoint.Position{Commit: 12, Prepare: 7}, Name: "teapot", Amount: 3},
	{Position: checkpoint.Position{Commit: 12, Prepare: 12}, Name: "candle", Amount: 1},
	{Position: checkpoint.Position{Commit: 1<<64 - 1, Prepare: 1<<64 - 1}, Name: "teapot", Amount: -2},
}

func collectEffects(path string) (all []Effect, err error) {
	for e, err := range readEffects(path) {
		if err != nil {
			return all, err
		}
		all = append(all, e)
	}
	return all, nil
}

// TestTornEffects cuts the last line off at every byte, as a kill does, and
// writes on from there.
func TestTornEffects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "effects")
	if err := writeEffects(path, someEffects); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := slices.Index(whole, '\n') + 1
	last += slices.Index(whole[last:], '\n') + 1
	for cut := last + 1; cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if all, err := collectEffects(path); !errors.Is(err, errTorn) || !slices.Equal(all, someEffects[:2]) {
			t.Fatalf("cut at %d of %d: read %v, %v", cut, len(whole), all, err)
		}
		effects, report, err := openEffects(path)
		if err != nil {
			t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
		}
		if report.Events != 2 || report.Through != someEffects[1].Position || report.Totals["teapot"] != 3 {
			t.Fatalf("cut at %d of %d: %+v", cut, len(whole), report)
		}
		if err := errors.Join(effects.append(someEffects[2]), effects.close()); err != nil {
			t.Fatal(err)
		}
		if all, err := collectEffects(path); err != nil || !slices.Equal(all, someEffects) {
			t.Fatalf("cut at %d of %d, then written on: %v, %v", cut, len(whole), all, err)
		}
	}
}

// TestDamagedEffects changes every byte of a line in the middle: unlike a torn
// end it must not be dropped in silence.
func TestDamagedEffects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "effects")
	if err := writeEffects(path, someEffects); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := slices.Index(whole, '\n') + 1
	second := first + slices.Index(whole[first:], '\n') + 1
	for i := first; i < second; i++ {
		damaged := slices.Clone(whole)
		damaged[i] ^= 1
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := collectEffects(path); err == nil || errors.Is(err, errTorn) {
			t.Errorf("byte %d changed: reading says %v", i, err)
		}
		if _, _, err := openEffects(path); err == nil {
			t.Errorf("byte %d changed: the file was opened to write on", i)
		}
		if after, err := os.ReadFile(path); err != nil || !slices.Equal(after, damaged) {
			t.Errorf("byte %d changed: opening changed the file, %v", i, err)
		}
	}
}
