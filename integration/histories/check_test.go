package histories

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// enoughSteps is how many steps the search for one key may take, so that it ends
// within seconds however slow the machine is. It takes some thousands.
const enoughSteps = 1 << 20

// patienceToDraw is for the picture of what is not linearizable.
const patienceToDraw = time.Minute

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
	steps := 0
	bounded := model
	bounded.Step = func(before, in, out any) (bool, any) {
		if steps++; steps > enoughSteps {
			return false, before // so that it gives up
		}
		return model.Step(before, in, out)
	}
	operations := r.open()
	switch {
	case porcupine.CheckOperations(bounded, operations):
		return nil
	case steps > enoughSteps:
		return fmt.Errorf("key %s: after %d steps it is not known whether its history of %d operations, %d of them unknown, is linearizable: "+
			"lower enoughOperations or maxUnknown", r.key, enoughSteps, len(operations), r.unknown)
	}
	r.illegal = true
	return fmt.Errorf("key %s: %w; what failed, and should have changed nothing:\n%s", r.key, errNotLinearizable, strings.Join(r.failed, "\n"))
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
		if !r.illegal {
			continue
		}
		_, info := porcupine.CheckOperationsVerbose(model, r.open(), patienceToDraw)
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
