package histories

import (
	"errors"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/checkpointstore/checkpoint/driver"
)

// TestUnknown holds the search to what an operation without an answer may do.
func TestUnknown(t *testing.T) {
	set := func(n uint64) input {
		w := driver.Write{Mark: driver.Mark{Position: driver.Position{Commit: n}, UpdatedAt: nextTime()}}
		return input{method: write, write: w}
	}
	first, second := set(1), set(2)
	reads := func(in input, from, to int64) porcupine.Operation {
		w := in.write
		out := output{exists: true, stored: stored{position: w.Position, updatedAt: w.UpdatedAt.UnixMilli()}}
		return porcupine.Operation{Input: input{method: get}, Output: out, Call: from, Return: to}
	}
	advanced := func(in input, from, to int64) porcupine.Operation {
		return porcupine.Operation{Input: in, Output: output{outcome: driver.Advanced}, Call: from, Return: to}
	}
	unknown := func(in input, from, to int64) porcupine.Operation {
		return porcupine.Operation{Input: in, Output: output{unknown: true}, Call: from, Return: to}
	}
	nothing := porcupine.Operation{Input: input{method: get}, Output: output{}, Call: 4, Return: 5}
	for name, c := range map[string]struct {
		history []porcupine.Operation
		ok      bool
	}{
		"never":                     {[]porcupine.Operation{unknown(first, 1, 2), nothing}, true},
		"at once":                   {[]porcupine.Operation{unknown(first, 1, 2), reads(first, 3, 4)}, true},
		"long after its return":     {[]porcupine.Operation{unknown(first, 1, 2), nothing, reads(first, 6, 7)}, true},
		"over a later write":        {[]porcupine.Operation{unknown(first, 1, 2), advanced(second, 3, 4), reads(second, 5, 6), reads(first, 7, 8)}, true},
		"before its call":           {[]porcupine.Operation{reads(first, 1, 2), unknown(first, 3, 4)}, false},
		"and is undone":             {[]porcupine.Operation{unknown(first, 1, 2), reads(first, 3, 4), {Input: input{method: get}, Output: output{}, Call: 5, Return: 6}}, false},
		"twice":                     {[]porcupine.Operation{unknown(first, 1, 2), reads(first, 3, 4), advanced(second, 5, 6), reads(second, 7, 8), reads(first, 9, 10)}, false},
		"an answer that comes late": {[]porcupine.Operation{advanced(first, 1, 2), nothing}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := record{key: name, operations: c.history}
			if err := r.check(); c.ok != (err == nil) || err != nil && !errors.Is(err, errNotLinearizable) {
				t.Errorf("%v; want it to be linearizable: %t", err, c.ok)
			}
		})
	}
}

// TestUndecided: a search that would take too long ends, and says that it knows
// nothing.
func TestUndecided(t *testing.T) {
	r := record{key: "undecided"}
	for n := range uint64(30) {
		w := driver.Write{Mark: driver.Mark{Position: driver.Position{Commit: n}, UpdatedAt: nextTime()}}
		r.operations = append(r.operations, porcupine.Operation{
			Input: input{method: write, write: w}, Output: output{unknown: true}, Call: 1, Return: 2,
		})
	}
	r.operations = append(r.operations, porcupine.Operation{
		Input: input{method: get}, Output: output{exists: true}, Call: 3, Return: 4, // of no write
	})
	if err := r.check(); err == nil || errors.Is(err, errNotLinearizable) || !strings.Contains(err.Error(), "not known") {
		t.Errorf("%v; want that it is not known", err)
	}
}
