package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
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

// keyArgs is usageArgs for a command whose first n arguments, or all if n is
// negative, are keys.
func keyArgs(check cobra.PositionalArgs, n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := usageArgs(check)(cmd, args); err != nil {
			return err
		}
		keys := args
		if n >= 0 {
			keys = args[:n]
		}
		for _, key := range keys {
			if err := checkpoint.ValidateKey(key); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
		}
		return nil
	}
}

// knownCommand refuses an unknown command, and suggests similar ones.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("unknown command %q", args[0])
	for distance := 1; distance <= 2; distance++ {
		cmd.SuggestionsMinimumDistance = distance
		if like := slices.Compact(cmd.SuggestionsFor(args[0])); len(like) > 0 {
			err = fmt.Errorf("%w, perhaps %s is meant", err, strings.Join(like, " or "))
			break
		}
	}
	return usageError{cmd.CommandPath(), err}
}

// suggestFor names the words that people try.
func suggestFor(root *cobra.Command) {
	for name, words := range map[string][]string{
		"get": {"show", "cat", "read"}, "list": {"ls", "keys", "scan", "getall"}, "set": {"put", "write"},
		"advance": {"setifnewer", "commit", "ack"}, "delete": {"rm", "remove", "unset"}, "rewind": {"reset", "seek"}, "top": {"watch", "monitor"}, "undo": {"revert", "rollback"},
		"export": {"dump"}, "import": {"load"}, "copy": {"cp", "move", "mv", "sync"}, "touch": {"expire"}, "fence": {"lock", "kill"}, "lease": {"revoke", "leases", "owner"}, "group": {"groups", "drain", "pin", "members", "describe"}, "clear": {"purge"}, "serve": {"web", "page", "ui", "dashboard"},
		"doctor": {"check", "diagnose", "health", "verify"},
	} {
		for _, cmd := range root.Commands() {
			if cmd.Name() == name {
				cmd.SuggestFor = words
			}
		}
	}
}

// cobrasOwn turns mistakes in the arguments of cobra's own commands into errors of
// usage, as ours do.
func cobrasOwn(root *cobra.Command) {
	root.InitDefaultCompletionCmd("completion")
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.Args = knownCommand
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() } // Args is read only then
			for _, shell := range cmd.Commands() {
				shell.Args = usageArgs(shell.Args)
			}
		case "help":
			cmd.Args = knownTopic
		}
	}
}

func knownTopic(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err != nil || found == nil || len(rest) > 0 {
		return knownCommand(cmd.Root(), args)
	}
	return nil
}
