package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

func (a *app) backup() *cobra.Command {
	return &cobra.Command{
		Use:     "backup FILE",
		GroupID: groupMany,
		Short:   "Copy a store in a file, while others use it",
		Long: `Writes the store, as it is at one moment, to a new FILE, and syncs FILE to the disk.
Others may use the store meanwhile. "checkpoint restore" brings the store back to
FILE. The store must be an SQLite file; "checkpoint export" writes the checkpoints of
any store.`,
		Example:           "  checkpoint backup checkpoints-monday.db",
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withFile(cmd, func(ctx context.Context, path string) error {
				d, err := a.engines.Open(ctx, a.storeName(), false, nil)
				if err != nil {
					return openError{a.storeName(), err}
				}
				file, ok := d.(*sqlitestore.Driver)
				if !ok {
					return errors.Join(engine.ErrNoFile, d.Close())
				}
				if err := errors.Join(file.Backup(ctx, args[0]), file.Close()); err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.stdout, "copied %s to %s\n", path, args[0])
				return err
			})
		},
	}
}

// withFile runs f with the path of the store, which must be in a file.
func (a *app) withFile(cmd *cobra.Command, f func(ctx context.Context, path string) error) error {
	path, err := engine.File(a.storeName())
	if err != nil {
		return usageError{cmd.CommandPath(), err}
	}
	ctx, cancel, err := a.limit(cmd, true)
	if err != nil {
		return err
	}
	defer cancel()
	return f(ctx, path)
}

func completeFile(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}
