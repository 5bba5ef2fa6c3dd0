package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/migrate"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/redisstore"
)

func (a *app) migrate() *cobra.Command {
	var apply bool
	cmd := &cobra.Command{
		Use:     "migrate [PATTERN]",
		GroupID: groupMany,
		Short:   "Bring older checkpoints into today's layout",
		Long: `Rewrites the checkpoints of older layouts in place: commit@prepare strings, and hashes
without updatedAt. Only Redis has them. Their updatedAt becomes the time of the migration.
Without --apply, the command only says what it would do. It fails for the keys of another
program (prefix=): "checkpoint copy" copies them.

You can run the command while consumers write, and run it again. Each checkpoint changes its
layout in one step, and keeps the position that it has then. The command reports damaged
checkpoints, fences and leases on stderr, leaves them alone, and ends with exit code 1.`,
		Example: `  checkpoint migrate
  checkpoint migrate --apply`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel, err := a.limit(cmd, true)
			if err != nil {
				return err
			}
			defer cancel()
			store, d, err := a.openDriver(ctx, cmd, a.storeName(), false)
			if err != nil {
				return err
			}
			defer store.Close()
			convert, err := conversion(ctx, d)
			if err != nil {
				return err
			}
			t := a.taking(apply)
			return t.run(ctx, intake.Job{
				Items: migrate.Items(ctx, store, patternOf(args)), To: store, Writer: migrate.Converter{Convert: convert},
				Apply: apply, Tell: t.tell,
			})
		},
	}
	applyFlag(cmd, &apply)
	return cmd
}

func applyFlag(cmd *cobra.Command, apply *bool) {
	cmd.Flags().BoolVar(apply, "apply", false, "make the changes; without it: only say what would change")
}

// conversion returns how d converts its older layouts, or nil if it has none.
func conversion(ctx context.Context, d driver.Driver) (func(context.Context, []string) ([]redisstore.Conversion, error), error) {
	r, ok := d.(*redisstore.Driver)
	if !ok {
		return nil, nil
	}
	convert := func(ctx context.Context, keys []string) ([]redisstore.Conversion, error) {
		return r.Convert(ctx, keys, time.Now())
	}
	_, err := convert(ctx, nil) // a dry run must not promise what --apply refuses
	return convert, err
}
