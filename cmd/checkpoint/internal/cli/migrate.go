package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/migrate"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// migrateFlags are the flags of migrate.
type migrateFlags struct {
	from           string
	copies         bool // whether --from is given
	apply, cutover bool
}

func (a *app) migrate() *cobra.Command {
	var flags migrateFlags
	cmd := &cobra.Command{
		Use:     "migrate [PATTERN]",
		GroupID: groupMany,
		Short:   "Bring older checkpoints into today's layout",
		Long: `Without --from, the command rewrites the checkpoints of older layouts in place:
commit@prepare strings, and hashes without updatedAt. With --from, it copies the
checkpoints of another store into this store. The source may belong to another program:
then give the prefix of its keys in the URL, as prefix=. Without --apply, the command
only says what it would do.

You can run the command while consumers write, and run it again. Without --from, each
checkpoint changes its layout in one step, and keeps the position that it has then.
With --from, a checkpoint that is newer in this store stays. The command reports damaged
checkpoints, fences and leases on stderr, leaves them alone, and ends with exit code 1.

The command only reads the source, unless --cutover is given. --cutover takes the lease
of each key in the source before it copies the key, and keeps the lease. A consumer with
an epoch can then neither write nor start there. The command names each key whose
consumer writes without an epoch: stop that consumer first.

With prefix=, a bare number n is the position n/n, the last event processed. The command
copies the epoch of each checkpoint. If a key has no checkpoint any more, or if its last
write had no epoch, the command does not copy the highest epoch of the key: restart the
consumers that use epochs.`,
		Example: `  checkpoint migrate
  checkpoint migrate --apply
  checkpoint migrate --from 'redis://127.0.0.1:6379/0?prefix=orders:cp:' --apply
  checkpoint --store redis://127.0.0.1:6379 migrate \
      --from sqlite:checkpoints.db --apply --cutover`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.copies = cmd.Flags().Changed("from")
			if flags.cutover && !flags.copies {
				return usageError{cmd.CommandPath(), errors.New("--cutover needs --from, and --from is missing")}
			}
			if flags.apply {
				if err := a.askReason(cmd.Context()); err != nil {
					return err
				}
			}
			ctx, cancel, err := a.limit(cmd, true) // one limit for both stores
			if err != nil {
				return err
			}
			defer cancel()
			return a.migrateStores(ctx, cmd, flags, patternOf(args))
		},
	}
	cmd.Flags().StringVar(&flags.from, "from", "", "copy from this store; in a Redis URL, prefix=P is everything before the keys; "+
		"ps shows this flag, so put a URL with a password into a variable, and give env:NAME")
	cmd.Flags().BoolVar(&flags.apply, "apply", false, "make the changes; without it: only say what would change")
	cmd.Flags().BoolVar(&flags.cutover, "cutover", false, "with --apply: lock out the source's consumers, key by key, before each key is copied")
	return cmd
}

// migrateStores opens the stores and migrates.
func (a *app) migrateStores(ctx context.Context, cmd *cobra.Command, flags migrateFlags, pattern string) (err error) {
	m := migrate.Migration{Pattern: pattern, Apply: flags.apply}
	from := flags.from
	if flags.copies {
		if from, err = fromEnvironment(from); err != nil {
			return usageError{cmd.CommandPath(), err}
		}
		// The source is opened first, so that a mistake in its URL does not make the target.
		if m.From, err = a.open(ctx, cmd, from, false); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, m.From.Close()) }()
		if flags.cutover {
			m.Cutover = ownerOfCutover(a.storeName())
		}
	}
	to, d, err := a.openDriver(ctx, cmd, a.storeName(), flags.copies && flags.apply)
	if flags.copies && !flags.apply && errors.Is(err, engine.ErrNoStore) {
		a.note("%v yet; --apply makes it", err)
		to, err = checkpoint.New(memstore.New(), nil), nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if m.To = to; m.From == nil {
		if m.Convert, err = conversion(ctx, d); err != nil {
			return err
		}
	}
	err = a.runMigration(ctx, m, from)
	if errors.As(err, new(*migrate.SourceError)) {
		return openError{from, err}
	}
	return err
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

// fromEnvironment returns the URL that --from names.
func fromEnvironment(from string) (string, error) {
	name, ok := strings.CutPrefix(from, "env:")
	if !ok {
		return from, nil
	}
	url := os.Getenv(name)
	if url == "" {
		return "", fmt.Errorf("--from is env:%s, and the variable %q is empty: put the source's URL into it", name, name)
	}
	return url, nil
}

// ownerOfCutover tells a consumer that meets the lease where the checkpoint is now.
func ownerOfCutover(url string) string {
	const limit = 512 // of an owner
	owner := "moved to " + engine.Redact(url)
	return strings.ToValidUTF8(owner[:min(len(owner), limit)], "")
}
