package demo

import (
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

// TestTornEffects cuts the last line off at every byte, as a kill does.
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
	for cut := last; cut <= len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		want := someEffects[:2]
		if cut == len(whole) {
			want = someEffects
		}
		if all, err := collectEffects(path); err != nil || !slices.Equal(all, want) {
			t.Fatalf("cut at %d of %d: read %v, %v", cut, len(whole), all, err)
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
		if _, err := collectEffects(path); err == nil {
			t.Errorf("byte %d changed, and nothing is said", i)
		}
	}
}
