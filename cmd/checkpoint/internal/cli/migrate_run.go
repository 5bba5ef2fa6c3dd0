package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/migrate"
)

func (a *app) runMigration(ctx context.Context, m migrate.Migration, from string) error {
	verb, summary := "would write", "would be written"
	if m.Apply {
		verb, summary = "wrote", "written"
	}
	bar := a.progress()
	out := &sticky{w: a.stdout}
	m.Changes = func(c checkpoint.Checkpoint) {
		bar.done()
		fmt.Fprintf(out, "%s %s at %s\n", verb, c.Key, c.Position)
	}
	damagedThere, here := 0, damage{}
	m.Damage = func(key string, err error) {
		bar.done()
		if m.From == nil {
			here.add(err)
			a.reportDamage(key, err)
			return
		}
		// Name the store: a delete must not hit the healthy checkpoint in the other one.
		where := a.storeName()
		if errors.As(err, new(*migrate.SourceError)) {
			where = from
			damagedThere++
		} else {
			here.add(err)
		}
		a.note("%q in %s: %v", key, engine.Redact(where), err)
	}
	m.Unfenced = func(key string) {
		bar.done()
		a.note("%q in %s is written without an epoch: nothing keeps its consumer from going on there; stop it", key, engine.Redact(from))
	}
	m.Progress = func(r migrate.Report) { bar.show("%d looked at", r.Changed+r.Same+r.Newer+r.Fenced+r.Damaged) }
	r, err := m.Run(ctx)
	bar.done()
	fmt.Fprintf(out, "%d %s, %d are there already, %d are newer here, %d fenced, %d damaged\n",
		r.Changed, summary, r.Same, r.Newer, r.Fenced, r.Damaged)
	if err != nil {
		return err
	}
	if !m.Apply && r.Changed > 0 {
		fmt.Fprintln(out, "Nothing was changed. --apply does it.")
	}
	if out.err != nil {
		return out.err
	}
	return damageOf(m, here, damagedThere)
}

// damageOf returns an error that says how to repair the damage. It never advises to write
// to the source: another program may own or read its keys.
func damageOf(m migrate.Migration, found damage, inSource int) error {
	var source error
	if inSource > 0 {
		source = fmt.Errorf("%d damaged in the source, and not copied; "+
			"`checkpoint set KEY POSITION`, without --from, stores one here", inSource)
	}
	here := found.err()
	if here != nil && m.From != nil {
		here = fmt.Errorf("%w, with the --store that is named beside it", here)
	}
	return errors.Join(source, here)
}

// sticky remembers the first error of a writer.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	if s.err == nil {
		s.err = err
	}
	return n, err
}
