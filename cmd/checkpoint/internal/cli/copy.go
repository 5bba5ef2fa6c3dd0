package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// copyFlags are the flags of copy.
type copyFlags struct{ apply, cutover bool }

func (a *app) copyCommand() *cobra.Command {
	var flags copyFlags
	cmd := &cobra.Command{
		Use:     "copy FROM TO [PATTERN]",
		GroupID: groupMany,
		Short:   "Copy checkpoints, fences, history and samples to another store",
		Long: `Copies the checkpoints, with their epochs and log ids, the fences, the audit entries and the
samples of the keys that match PATTERN from the store FROM to the store TO, of any two
engines. FROM may belong to another program: then give the prefix of its keys in the URL, as
prefix=. Without --apply, the command only says what it would do. FROM and TO are URLs, as
--store takes them. ps shows them: put a URL with a password into a variable, and give env:NAME.

The command reads back what it has written. You can run it while consumers write, and run it
again: it goes on where it was cut off. A checkpoint that is newer in TO stays. The exit code
is 5 if the fence of a key in TO refuses the epoch of a checkpoint. The command reports
damaged checkpoints and fences at either end, and damaged histories in FROM. It leaves their
keys alone, and ends with exit code 1.

Without --cutover, FROM stays in use: the copy is a backup. --cutover moves the consumers.
It takes the lease of each key in FROM before it copies the key, and keeps the lease. A
consumer with an epoch can then neither write nor start there. The command names each key
whose consumer writes without an epoch: stop that consumer first. To go back, end the
command's leases with "checkpoint lease revoke".

The fence of each key rises to that of FROM. So an instance that was locked out in FROM is
locked out in TO, too. The command also copies the audit entries and samples of a key, if TO
has none for this key. Leases stay in FROM. With prefix=, a bare number n is the position
n/n, the last event processed, and there are no fences.`,
		Example: `  checkpoint copy 'redis://127.0.0.1:6379/0?prefix=orders:cp:' redis://127.0.0.1:6379
  checkpoint copy sqlite:checkpoints.db env:TARGET --apply --cutover`,
		Args:              usageArgs(cobra.RangeArgs(2, 3)),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			from, to, err := a.bothStores(args)
			if err != nil {
				return usageError{cmd.CommandPath(), err}
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
			a.storeURL, a.storeGiven, a.copies = to, true, true
			err = a.copyStore(ctx, cmd, flags, from, patternOf(args[2:]))
			if errors.As(err, new(*intake.SourceError)) {
				return openError{from, err}
			}
			return err
		},
	}
	applyFlag(cmd, &flags.apply)
	cmd.Flags().BoolVar(&flags.cutover, "cutover", false, "move the consumers: lock them out in FROM, key by key, before each key is copied")
	return cmd
}

// bothStores returns the URLs of the arguments.
func (a *app) bothStores(args []string) (from, to string, err error) {
	if a.storeGiven {
		return "", "", errors.New("--store has no meaning here: FROM and TO name the stores")
	}
	if from, err = fromEnvironment("FROM", args[0]); err != nil {
		return "", "", err
	}
	if to, err = fromEnvironment("TO", args[1]); err != nil {
		return "", "", err
	}
	if from == to {
		return "", "", errSameStore
	}
	return from, to, nil
}

var errSameStore = errors.New("FROM and TO are the same store")

// areSame reports whether from and to are one store, by whichever URLs: it looks in to for
// what it reports in from.
func areSame(ctx context.Context, from, to *checkpoint.Store) (same bool, err error) {
	key, probe := "checkpoint copy "+rand.Text(), checkpoint.Status{Instance: "checkpoint copy"}
	_, err = from.Report(ctx, key, probe, time.Minute)
	switch {
	case errors.Is(err, checkpoint.ErrUnsupported):
		return false, nil
	case err != nil:
		return false, &intake.SourceError{Err: err}
	}
	defer func() {
		if _, gone := from.Report(ctx, key, probe, 0); err == nil && gone != nil {
			err = &intake.SourceError{Err: gone}
		}
	}()
	found, err := to.Statuses(ctx, key)
	switch {
	case errors.Is(err, checkpoint.ErrUnsupported):
		return false, nil
	case err != nil:
		return false, err
	}
	return len(found[0].Instances) > 0, nil
}

// fromEnvironment returns the URL that arg names.
func fromEnvironment(name, arg string) (string, error) {
	variable, ok := strings.CutPrefix(arg, "env:")
	if !ok {
		return arg, nil
	}
	url := os.Getenv(variable)
	if url == "" {
		return "", fmt.Errorf("%s is env:%s, and the variable %q is empty: put the store's URL into it", name, variable, variable)
	}
	return url, nil
}

// copyStore opens the stores and copies.
func (a *app) copyStore(ctx context.Context, cmd *cobra.Command, flags copyFlags, from, pattern string) (err error) {
	source, t := intake.Source{Pattern: pattern}, a.taking(flags.apply)
	t.from, t.to = engine.Redact(from), a.shownStore(nil)
	switch {
	case flags.cutover:
		source.Cutover = ownerOfCutover(a.storeName())
	case flags.apply:
		t.outcome = t.from + " stays in use, so the copy is a backup; --cutover moves the consumers"
	}
	// The source is opened first, so that a mistake in its URL does not make the target.
	if source.Store, err = a.open(ctx, cmd, from, false); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Store.Close()) }()
	to, err := a.open(ctx, cmd, a.storeName(), flags.apply)
	if !flags.apply && errors.Is(err, engine.ErrNoStore) {
		a.note("%v yet; --apply makes it", err)
		to, err = checkpoint.New(memstore.New(), nil), nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if flags.cutover && flags.apply {
		if same, err := areSame(ctx, source.Store, to); err != nil {
			return err
		} else if same {
			return usageError{cmd.CommandPath(), errSameStore}
		}
	}
	ctx = driver.WithBy(ctx, a.by("copy"))
	return t.run(ctx, intake.Job{
		Items: source.Items(ctx), Before: source.Before, To: to, Writer: intake.Newer{}, Apply: flags.apply, Tell: t.tell,
	})
}

// ownerOfCutover tells a consumer that meets the lease where the checkpoint is now.
func ownerOfCutover(url string) string {
	const limit = 512 // of an owner
	owner := "moved to " + engine.Redact(url)
	return strings.ToValidUTF8(owner[:min(len(owner), limit)], "")
}
