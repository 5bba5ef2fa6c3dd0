package histories

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// undecided is how long the search may take for one key. It takes some
// milliseconds.
const undecided = time.Minute

// errNotLinearizable is of a history that nothing explains.
var errNotLinearizable = errors.New("not linearizable")

// check searches for what explains the history of each key. The error names the
// keys that have none, with a picture of one.
func (h *history) check() error {
	errs := append([]error(nil), h.problems...)
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, r := range h.keys {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			err := r.check()
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (r *record) check() error {
	operations := r.open()
	switch porcupine.CheckOperationsTimeout(model, operations, undecided) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("key %s: after %v it is not known whether its history of %d operations, %d of them unknown, is linearizable",
			r.key, undecided, len(operations), r.unknown)
	}
	return fmt.Errorf("key %s: %w", r.key, errNotLinearizable)
}

// open is the operations, with those that are unknown under way until after the
// end.
func (r *record) open() []porcupine.Operation {
	var last int64
	for _, o := range r.operations {
		last = max(last, o.Return)
	}
	operations := append([]porcupine.Operation(nil), r.operations...)
	for i := range operations {
		if operations[i].Output.(output).unknown {
			operations[i].Return = last + 1
		}
	}
	return operations
}

// draw writes the pictures of what is not linearizable to files that stay.
func (h *history) draw() ([]string, error) {
	var paths []string
	for _, r := range h.keys {
		result, info := porcupine.CheckOperationsVerbose(model, r.open(), undecided)
		if result != porcupine.Illegal {
			continue
		}
		f, err := os.CreateTemp("", "history-*.html")
		if err != nil {
			return paths, err
		}
		paths = append(paths, f.Name())
		if err := errors.Join(porcupine.Visualize(model, info, f), f.Close()); err != nil {
			return paths, err
		}
	}
	return paths, nil
}
