package pgstore

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"unicode"
	"unicode/utf8"
)

const defaultSchema = "checkpoint"

// maxSchema is the length of a name in PostgreSQL. It would cut off a longer name.
const maxSchema = 63

const maxNamespace = 512

// checked returns o with its defaults.
func (o *Options) checked() (Options, error) {
	if o == nil {
		o = new(Options)
	}
	c := *o
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Schema = cmp.Or(c.Schema, defaultSchema)
	if err := fault(c.Schema, maxSchema); err != nil {
		return c, fmt.Errorf("pgstore: Schema %q: %w", c.Schema, err)
	}
	if err := fault(c.Namespace, maxNamespace); err != nil {
		return c, fmt.Errorf("pgstore: Namespace %q: %w", c.Namespace, err)
	}
	return c, nil
}

func fault(name string, most int) error {
	switch {
	case len(name) > most:
		return fmt.Errorf("it has %d bytes, at most %d are allowed", len(name), most)
	case !utf8.ValidString(name):
		return errors.New("it is not valid UTF-8")
	}
	for i, r := range name {
		if unicode.IsControl(r) {
			return fmt.Errorf("control character %U at byte %d", r, i)
		}
	}
	return nil
}
