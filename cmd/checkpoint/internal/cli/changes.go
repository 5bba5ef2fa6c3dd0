package cli

import (
	"fmt"
	"io"

	"github.com/checkpointstore/checkpoint"
)

// changes prints what a command changes, or would change.
type changes struct {
	w             io.Writer
	err           error // the first one of w
	apply         bool
	verb, written string
}

func newChanges(w io.Writer, apply bool) *changes {
	if apply {
		return &changes{w: w, apply: true, verb: "wrote", written: "written"}
	}
	return &changes{w: w, verb: "would write", written: "would be written"}
}

// Write remembers the first error.
func (c *changes) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

func (c *changes) wrote(key string, p checkpoint.Position) {
	fmt.Fprintf(c, "%s %s at %s\n", c.verb, key, p)
}

// end says that --apply is missing, if there was something to change.
func (c *changes) end(something bool) error {
	if something && !c.apply {
		fmt.Fprintln(c, "Nothing was changed. --apply makes the changes.")
	}
	return c.err
}
