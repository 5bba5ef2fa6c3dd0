package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) schema() *cobra.Command {
	var apply bool
	cmd := &cobra.Command{
		Use:     "schema",
		GroupID: groupMore,
		Short:   "Print or apply the SQL that makes a store's tables",
		Long: `Prints the SQL that makes the tables of the store in an empty database, for a person
who applies it. With --apply, the command makes the tables, and brings older ones to the
newest version. Any number of processes may do so at once.

Only PostgreSQL needs it. Every other engine makes what it needs at the first write.`,
		Example: `  checkpoint schema --store postgres://app@db/app >checkpoint.sql
  checkpoint schema --store postgres://owner@db/app --apply`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel, err := a.limit(cmd, false)
			if err != nil {
				return err
			}
			defer cancel()
			sql, err := a.engines.Schema(ctx, a.storeName(), apply)
			if err != nil {
				return a.opening(ctx, cmd, a.storeName(), err)
			}
			if apply {
				a.note("the tables of %s are there", a.shownStore(nil))
				return nil
			}
			_, err = fmt.Fprint(a.stdout, sql)
			return err
		},
	}
	cmd.Flags().BoolVar(&apply, "apply", false, "make the tables, or bring them to the newest version")
	return cmd
}
