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
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/migrate"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/storeurl"
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
		Long: `Without --from: rewrites the checkpoints of older layouts where they stand, that is
commit@prepare strings and hashes without updatedAt. With --from: copies the
checkpoints of another store, or of another program behind prefix=, into this one.
It only says what it would do, unless --apply is given.

It is safe while consumers write, and safe to run again. Without --from, each
checkpoint changes its layout in one step that leaves the position that stands. With
--from, a checkpoint that is newer here stays. What is damaged is listed on stderr,
is left alone, and makes the exit code 1.

The source is only read, except with --cutover: it takes the lease of each key there
before it copies the key, and keeps it. A consumer with an epoch can then neither
write nor start there. It names each key whose consumer writes without an epoch:
stop that consumer first.

Behind prefix=, a bare number n is the position n/n, the last event processed. A
checkpoint's own epoch is carried over. The epoch of a key whose checkpoint is gone,
or was written without one since, is not: start the consumers that use epochs anew.`,
		Example: `  checkpoint migrate
  checkpoint migrate --apply
  checkpoint migrate --from 'redis://127.0.0.1:6379/0?prefix=orders:cp:' --apply
  checkpoint --store redis://127.0.0.1:6379 migrate --from sqlite:checkpoints.db --apply --cutover`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.copies = cmd.Flags().Changed("from")
			if flags.cutover && !flags.copies {
				return usageError{cmd.CommandPath(), errors.New("--cutover closes the store that --from names, and --from is missing")}
			}
			ctx, cancel, err := a.limit(cmd, true) // one limit for both stores
			if err != nil {
				return err
			}
			defer cancel()
			return a.migrateStores(ctx, cmd, flags, patternOf(args))
		},
	}
	cmd.Flags().StringVar(&flags.from, "from", "", "copy from this store; prefix=P in a Redis URL is all that stands before its keys; "+
		"ps shows it, so name a variable that holds a password: env:NAME")
	cmd.Flags().BoolVar(&flags.apply, "apply", false, "do it, rather than say what would be done")
	cmd.Flags().BoolVar(&flags.cutover, "cutover", false, "with --apply: lock the source's consumers out, key by key, before each is copied")
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
		// First, so that a mistake in it does not make the other.
		if m.From, err = a.open(ctx, cmd, from, false); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, m.From.Close()) }()
		if flags.cutover {
			m.Cutover = ownerOfCutover(a.storeName())
		}
	}
	to, d, err := a.openDriver(ctx, cmd, a.storeName(), flags.copies && flags.apply)
	if flags.copies && !flags.apply && errors.Is(err, storeurl.ErrNoStore) {
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
	owner := "moved to " + storeurl.Redact(url)
	return strings.ToValidUTF8(owner[:min(len(owner), limit)], "")
}
