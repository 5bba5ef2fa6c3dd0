package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
)

// helpWidth is how wide help is at most, and in a pipe.
const helpWidth = 80

// help prints what a command does, wrapped, and how it is used.
func (a *app) help(cmd *cobra.Command, _ []string) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n%s", wrap(text, a.helpWidth()), cmd.UsageString())
}

func (a *app) helpWidth() int {
	if w := output.Width(a.stdout); w > 0 {
		return min(w, helpWidth)
	}
	return helpWidth
}

// wrap wraps each paragraph to width. A paragraph with an indented line stays as it is.
func wrap(text string, width int) string {
	paragraphs := strings.Split(strings.TrimSpace(text), "\n\n")
	for i, p := range paragraphs {
		if strings.HasPrefix(p, " ") || strings.HasPrefix(p, "\t") || strings.Contains(p, "\n ") || strings.Contains(p, "\n\t") {
			continue
		}
		var b strings.Builder
		column := 0
		for word := range strings.FieldsSeq(p) {
			switch n := utf8.RuneCountInString(word); {
			case column == 0:
				column = n
			case column+1+n > width:
				b.WriteByte('\n')
				column = n
			default:
				b.WriteByte(' ')
				column += 1 + n
			}
			b.WriteString(word)
		}
		paragraphs[i] = b.String()
	}
	return strings.Join(paragraphs, "\n\n")
}

// usage prints the usage of a command. It differs from cobra's in two ways: flags are
// wrapped, and only the help of the root explains the global flags.
func (a *app) usage(cmd *cobra.Command) error {
	var b strings.Builder
	line := cmd.UseLine()
	if cmd.HasAvailableSubCommands() {
		line = cmd.CommandPath() + " COMMAND [flags]"
	}
	fmt.Fprintf(&b, "Usage:\n  %s\n", line)
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	describeCommands(&b, cmd)
	describeFlags(&b, "Flags", cmd.LocalFlags(), a.helpWidth())
	if cmd.HasAvailableInheritedFlags() {
		var names []string
		cmd.Root().PersistentFlags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		list := wrap(strings.Join(names, ", "), a.helpWidth()-2)
		fmt.Fprintf(&b, "\nGlobal flags, explained by \"checkpoint --help\":\n  %s\n", strings.ReplaceAll(list, "\n", "\n  "))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n\"%s COMMAND --help\" says more about a command.\n", cmd.CommandPath())
	}
	_, err := io.WriteString(cmd.OutOrStderr(), b.String())
	return err
}

func describeCommands(b *strings.Builder, cmd *cobra.Command) {
	group := func(id, title string) {
		for i, sub := range inGroup(cmd, id) {
			if i == 0 {
				fmt.Fprintf(b, "\n%s\n", title)
			}
			fmt.Fprintf(b, "  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
	for _, g := range cmd.Groups() {
		group(g.ID, g.Title)
	}
	group("", "Commands:")
}

func inGroup(cmd *cobra.Command, id string) (found []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.GroupID == id && (sub.IsAvailableCommand() || sub.Name() == "help") {
			found = append(found, sub)
		}
	}
	return found
}

func describeFlags(b *strings.Builder, title string, flags *pflag.FlagSet, width int) {
	if flags.HasAvailableFlags() {
		fmt.Fprintf(b, "\n%s:\n%s\n", title, strings.TrimRight(flags.FlagUsagesWrapped(width), "\n"))
	}
}
