package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/driver"
)

const actorVariable = "CHECKPOINT_ACTOR"

// actor is who runs the command.
func actor() string {
	if name := os.Getenv(actorVariable); name != "" {
		return name
	}
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// by has the audit entries say who runs the command, and why.
func (a *app) by(op string) driver.By { return driver.By{Actor: actor(), Reason: a.reason, Op: op} }

func (a *app) history() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:     "history KEY",
		GroupID: groupOne,
		Short:   "Print who changed a checkpoint, and why",
		Long: `Prints the audit entries of KEY, the latest first. Each set, rewind, delete, clear,
fence and revocation leaves an entry. So do an advance and an import by this command,
and an instance that takes the lease over from another. The store keeps the last ` + strconv.Itoa(driver.AuditEntries) + `
entries of a key. They stay if the checkpoint is deleted.

An entry names its actor: $` + actorVariable + `, or else the user and the host of the
command. --reason says why. The exit code is 3 if KEY has no entry.

In a pipe the columns are at, op, actor, old, new, oldEpoch, newEpoch and reason,
separated by tabs; "-" stands for no value.`,
		Example: `  checkpoint rewind order-processor 0 --reason "INC-7: prices were wrong"
  checkpoint history order-processor`,
		Args:              keyArgs(cobra.ExactArgs(1), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 1 {
				return usageError{cmd.CommandPath(), fmt.Errorf("--last is %d, it must be 1 or more", n)}
			}
			return a.run(cmd, with{}, func(ctx context.Context, store *checkpoint.Store) error {
				entries, err := store.History(ctx, args[0], n)
				if err != nil {
					return err
				}
				if len(entries) == 0 {
					return saidError{fmt.Sprintf("nobody has changed %q by hand", args[0]), checkpoint.ErrNotFound}
				}
				return a.printHistory(entries)
			})
		},
	}
	cmd.Flags().IntVarP(&n, "last", "n", driver.AuditEntries, "print this number of entries at most")
	return cmd
}

func (a *app) printHistory(entries []checkpoint.AuditEntry) error {
	switch {
	case a.format == "json":
		encoder := json.NewEncoder(a.stdout)
		encoder.SetEscapeHTML(false)
		for _, e := range entries {
			if err := encoder.Encode(e); err != nil {
				return err
			}
		}
		return nil
	case a.format == "" && !output.IsTerminal(a.stdout):
		for _, e := range entries {
			if err := printEntry(a.stdout, e.At.Format(driver.TimeLayout), e, strconv.FormatUint(e.OldEpoch, 10), strconv.FormatUint(e.NewEpoch, 10)); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHEN\tOP\tBY\tFROM\tTO\tEPOCH\tREASON")
	now := time.Now()
	var errs error
	for _, e := range entries {
		at := output.Ago(now, e.At)
		if a.format == "wide" {
			at = e.At.Format(driver.TimeLayout)
		}
		epoch := strconv.FormatUint(e.NewEpoch, 10)
		if e.OldEpoch != e.NewEpoch {
			epoch = strconv.FormatUint(e.OldEpoch, 10) + " to " + epoch
		}
		errs = errors.Join(errs, printEntry(table, at, e, epoch))
	}
	return errors.Join(errs, table.Flush())
}

func printEntry(w io.Writer, at string, e checkpoint.AuditEntry, epochs ...string) error {
	fields := slices.Concat([]string{at, e.Op, orDash(e.Actor), positionOf(e.Old), positionOf(e.New)}, epochs, []string{orDash(e.Reason)})
	_, err := fmt.Fprintln(w, strings.Join(fields, "\t"))
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func positionOf(p *checkpoint.Position) string {
	if p == nil {
		return "-"
	}
	return p.String()
}
