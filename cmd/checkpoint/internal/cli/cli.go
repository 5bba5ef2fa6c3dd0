// Package cli is the command line: its commands, flags, exit codes and errors.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/logging"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
)

// Run runs the command line args and returns its exit code.
func Run(ctx context.Context, engines engine.Table, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{engines: engines, args: args, stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(stderr, "checkpoint: "+a.redacted(a.explain(ctx, err)))
	return exitCode(ctx, err)
}

// redacted redacts every URL of the command line in text. A URL may be given by mistake as
// any argument, and an error or a note may repeat it, quoted or not.
func (a *app) redacted(text string) string {
	for _, arg := range a.args {
		if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
			arg = value
		}
		if strings.Contains(arg, "://") {
			quoted := strconv.Quote(arg)
			text = strings.NewReplacer(arg, engine.Redact(arg), quoted[1:len(quoted)-1], engine.Redact(arg)).Replace(text)
		}
	}
	return text
}

// redacting writes to stderr what is redacted. Each Write has whole lines.
type redacting struct{ *app }

func (r redacting) Write(line []byte) (int, error) {
	if _, err := io.WriteString(r.stderr, r.redacted(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}

const storeVariable = "CHECKPOINT_STORE"

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "checkpoint",
		Short: "Show and change the checkpoints of event consumers",
		Long: `Shows and changes the checkpoints of event consumers. A checkpoint says how far a
consumer got in its log. Write a position as C:12/P:34, 12@34, 12/34 or 12-34; 12 is
short for C:12/P:12. In a log whose offsets start at 0, write offset:12 for the event
at offset 12. Position 0 is before every event.

Start with: checkpoint demo`,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	}
	root.SetVersionTemplate("checkpoint {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{cmd.CommandPath(), err} })
	root.SetHelpFunc(a.help)
	root.SetUsageFunc(a.usage)
	a.globalFlags(root)
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
		a.storeGiven, a.reasonGiven = cmd.Flags().Changed("store"), cmd.Flags().Changed("reason")
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.AddGroup(
		&cobra.Group{ID: groupOne, Title: "One checkpoint:"},
		&cobra.Group{ID: groupMany, Title: "Many checkpoints:"},
		&cobra.Group{ID: groupMore, Title: "More:"},
	)
	root.SetHelpCommandGroupID(groupMore)
	root.SetCompletionCommandGroupID(groupMore)
	root.AddCommand(
		a.get(), a.advance(), a.set(), a.touch(), a.rewind(), a.undo(), a.deleteCommand(), a.fence(),
		a.pause(), a.resume(), a.history(),
		a.list(), a.status(), a.top(), a.serve(), a.clear(), a.lease(), a.group(), a.export(), a.importCommand(), a.copyCommand(), a.migrate(),
		a.backup(), a.restore(),
		a.doctor(), a.mcp(), a.schema(), a.demo(), a.demoChild(), a.versionCommand(),
	)
	suggestFor(root)
	cobrasOwn(root)
	return root
}

func (a *app) globalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.StringVar(&a.storeURL, "store", "", "the store's `URL`: "+a.engines.Help()+" (default $"+storeVariable+
		", or else "+engine.Default+"); ps shows this flag, so put a URL with a password into the variable")
	flags.DurationVar(&a.timeout, "timeout", 0, "give up after this `time` (default 10s; no limit for commands on many checkpoints, "+
		"and for those that ask for consent; top, serve, mcp and --watch name their own)")
	flags.StringVarP(&a.format, "output", "o", "", "print as `format`: "+output.Formats+
		" (default: a table on a terminal, columns separated by tabs in a pipe)")
	flags.StringVar(&a.reason, "reason", "", "say why you make a change, for 'checkpoint history'; on a terminal the command asks for it")
	flags.StringVar(&a.logLevel, "log-level", "off", "log to stderr from this `level` up: "+logging.Levels)
	flags.StringVar(&a.logFormat, "log-format", "text", "log in this `format`: "+logging.Formats)
	completeFlag(root, "output", "table", "wide", "json")
	completeFlag(root, "log-format", "text", "json")
	completeFlag(root, "log-level", "off", "debug", "info", "warn", "error")
}

func completeFlag(cmd *cobra.Command, name string, values ...string) {
	offer := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(name, offer); err != nil {
		panic(err) // no such flag
	}
}

const (
	groupOne  = "one"
	groupMany = "many"
	groupMore = "more"
)

// storeName returns the URL of the store. If --store is given but empty, it returns "",
// which fails later: a script may have expanded an unset variable.
func (a *app) storeName() string {
	if a.storeURL != "" || a.storeGiven {
		return a.storeURL
	}
	if s := os.Getenv(storeVariable); s != "" {
		return s
	}
	return engine.Default
}
