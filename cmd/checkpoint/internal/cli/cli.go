// Package cli is the command line: its commands, flags, exit codes and errors.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/logging"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/storeurl"
)

// Run runs the command line args and returns its exit code.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(stderr, "checkpoint: "+withoutPasswords(a.explain(ctx, err), args))
	return exitCode(err)
}

// withoutPasswords redacts the URLs among args that text repeats: one may stand
// where no URL belongs.
func withoutPasswords(text string, args []string) string {
	for _, arg := range args {
		if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
			arg = value
		}
		if strings.Contains(arg, "://") {
			text = strings.ReplaceAll(text, arg, storeurl.Redact(arg))
		}
	}
	return text
}

const storeVariable = "CHECKPOINT_STORE"

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "checkpoint",
		Short: "Look at and change the checkpoints of event consumers",
		Long: `Looks at and changes the checkpoints of event consumers: how far each got in
its log. A position is written C:12/P:34, 12@34, 12/34, 12-34, or 12 for {12, 12}.
In a log of offsets from 0 it is written offset:12. Position 0 is before everything.

Start with: checkpoint demo`,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	}
	root.SetVersionTemplate("checkpoint {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{cmd.CommandPath(), err} })
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.StringVar(&a.storeURL, "store", "", "the store: "+storeurl.Help+
		" (default $"+storeVariable+", or else "+storeurl.Default+"); ps shows it, so put a password in the variable")
	flags.DurationVar(&a.timeout, "timeout", 0,
		"give up after this long (default 10s, and no limit for commands that walk many checkpoints)")
	flags.StringVarP(&a.format, "output", "o", "table", "how to print checkpoints: "+output.Formats)
	flags.StringVar(&a.logLevel, "log-level", "off", "log to stderr from this level: "+logging.Levels)
	flags.StringVar(&a.logFormat, "log-format", "text", "how to log: "+logging.Formats)
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) { a.storeGiven = cmd.Flags().Changed("store") }
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	for name, values := range map[string][]string{
		"output": {"table", "json"}, "log-format": {"text", "json"},
		"log-level": {"off", "debug", "info", "warn", "error"},
	} {
		if err := root.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // no such flag
		}
	}
	root.AddGroup(
		&cobra.Group{ID: groupOne, Title: "One checkpoint:"},
		&cobra.Group{ID: groupMany, Title: "Many checkpoints:"},
		&cobra.Group{ID: groupMore, Title: "More:"})
	root.SetHelpCommandGroupID(groupMore)
	root.SetCompletionCommandGroupID(groupMore)
	root.AddCommand(
		a.get(), a.advance(), a.set(), a.touch(), a.rewind(), a.deleteCommand(),
		a.list(), a.clear(), a.export(), a.importCommand(), a.migrate(),
		a.demo(), a.demoChild(), a.versionCommand())
	return root
}

const (
	groupOne  = "one"
	groupMany = "many"
	groupMore = "more"
)

// usageArgs makes a mistake in the arguments an error of usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{cmd.CommandPath(), fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}

// storeName is the URL of the store that is asked for. An empty --store is an
// error later on, and not the default: the variable of a script may be unset.
func (a *app) storeName() string {
	if a.storeURL != "" || a.storeGiven {
		return a.storeURL
	}
	if s := os.Getenv(storeVariable); s != "" {
		return s
	}
	return storeurl.Default
}
