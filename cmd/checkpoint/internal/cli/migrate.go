package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/migrate"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/storeurl"
)

func (a *app) migrate() *cobra.Command {
	var from string
	var apply bool
	cmd := &cobra.Command{
		Use:     "migrate [PATTERN]",
		GroupID: groupMany,
		Short:   "Bring older checkpoints into today's layout",
		Long: `Without --from: rewrites the checkpoints of older layouts where they stand, that is
commit@prepare strings and hashes without updatedAt. With --from: copies the
checkpoints of another store, or of another prefix, into this one; the other is
only read. In both cases it only says what it would do, unless --apply is given.

It is safe while consumers write, and safe to run again: everything is stored with
SetIfNewer, so that a checkpoint that is newer here stays. What is damaged is
listed on stderr, is left alone, and makes the exit code 1.

With --from, a checkpoint's own epoch is carried over, and so is refused whoever has
an older one. The epoch of a key whose checkpoint is gone, or was written without
one since, is not: start the consumers that use epochs anew.`,
		Example: `  checkpoint migrate
  checkpoint migrate --apply
  checkpoint migrate --from 'redis://127.0.0.1:6379/0?prefix=orders:cp:' --apply
  checkpoint --store redis://127.0.0.1:6379 migrate --from sqlite:checkpoints.db --apply`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			m := migrate.Migration{Pattern: patternOf(args), Apply: apply}
			given := cmd.Flags().Changed("from")
			if given {
				ctx, cancel, err := a.limit(cmd, true)
				if err != nil {
					return err
				}
				defer cancel()
				cmd.SetContext(ctx) // one limit for both stores
				// First, so that a mistake in it does not make the other.
				source, err := a.open(ctx, cmd, from, false)
				if err != nil {
					return err
				}
				defer source.Close()
				m.From = source
			}
			return a.run(cmd, with{create: given && apply, walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				m.To = store
				err := a.runMigration(ctx, m, from)
				if errors.As(err, new(*migrate.SourceError)) {
					return openError{from, err}
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "copy from this store; prefix=P in a Redis URL is all that stands before its keys")
	cmd.Flags().BoolVar(&apply, "apply", false, "do it, rather than say what would be done")
	return cmd
}

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
	m.Damage = func(key string, err error) {
		bar.done()
		if m.From == nil {
			a.reportDamage(key, err)
			return
		}
		// The advice to delete must not hit the healthy one in the other store.
		where := a.storeName()
		if errors.As(err, new(*migrate.SourceError)) {
			where = from
		}
		a.note("%q in %s: %v", key, storeurl.Redact(where), err)
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
	if err = damagedError(r.Damaged); err != nil && m.From != nil {
		err = fmt.Errorf("%w, with the --store that is named beside it", err)
	}
	return err
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
