package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/gate"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/logging"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/web"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	listen    string
	write     bool
	tokenFile string
	header    string
	proxies   []string
	stale     time.Duration
}

func (a *app) serve() *cobra.Command {
	var flags serveFlags
	cmd := &cobra.Command{
		Use:     "serve",
		GroupID: groupMany,
		Short:   "Show the state of the consumers as a web page",
		Long: `Serves a page with what "checkpoint status" and "checkpoint history" print, and keeps it up to
date. By default the page only reads, and only this machine can open it. Ctrl-C ends it.
--timeout limits each read and each change (default 10s).

--write lets the page make changes: rewind, undo, pause, resume, and revoke a lease. The
page first shows what a change does, then asks for the key and a reason.

If --listen names an address that other machines can reach, give --token-file or
--trust-header. A token is a word of 16 bytes or more: "openssl rand -hex 32" prints one. A
person types it into a form, and a program sends it as "Authorization: Bearer TOKEN". With
--trust-header, a proxy logs people in, and names each person in this header. The proxy must
remove the header from the requests that people send. The name is then the actor of each
change. Only the addresses of --trusted-proxy may connect, except to /healthz. The page
speaks plain HTTP: put a proxy that speaks TLS before it.

For programs there are /api/status?pattern=P, /api/history?key=K, /api/groups and
/api/group?name=G, which answer as "-o json" prints, /metrics for Prometheus, and /healthz,
which is 503 while the store cannot be read.`,
		Example: `  checkpoint serve
  checkpoint serve --listen :8080 --token-file /run/secrets/page --write
  checkpoint serve --listen :80 --trust-header X-User \
      --trusted-proxy 10.0.0.5/32`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(cmd); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			opts := &web.Options{Write: flags.write, Stale: flags.stale, Timeout: cmp.Or(a.timeout, shortTimeout), Actor: actorOf}
			a.timeout = min(a.timeout, 0) // it limits a call of the store, and not how long the page is served
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				var err error
				if opts.Logger, err = logging.New(redacting{a}, a.logLevel, a.logFormat); err != nil {
					return err
				}
				return a.servePage(ctx, flags, web.Handler(store, opts), opts.Timeout)
			})
		},
	}
	cmd.Flags().StringVar(&flags.listen, "listen", "127.0.0.1:8080", "the `address` of the page; port 0 takes a free one")
	cmd.Flags().BoolVar(&flags.write, "write", false, "let the page make changes")
	cmd.Flags().StringVar(&flags.tokenFile, "token-file", "", "ask for the token in this `file`")
	cmd.Flags().StringVar(&flags.header, "trust-header", "", "take the name of a person from this `header` of a proxy")
	cmd.Flags().StringSliceVar(&flags.proxies, "trusted-proxy", nil, "the addresses of the proxy, as a `CIDR`")
	cmd.Flags().DurationVar(&flags.stale, "stale", 0, "as in \"checkpoint status\"")
	return cmd
}

// actorOf is who makes a change: who a proxy has named, or else who runs the command.
func actorOf(r *http.Request) string { return cmp.Or(gate.Actor(r), actor()) }

func (f *serveFlags) check(cmd *cobra.Command) error {
	_, _, err := net.SplitHostPort(f.listen)
	given := cmd.Flags().Changed
	switch {
	case err != nil:
		return fmt.Errorf("--listen is %q: want an address such as 127.0.0.1:8080", f.listen)
	case given("token-file") && given("trust-header"):
		return errors.New("--token-file and --trust-header exclude each other: give one of them")
	case given("token-file") && f.tokenFile == "": // a script may have expanded an unset variable
		return errors.New("--token-file is empty: name a file that holds the token")
	case given("trust-header") != given("trusted-proxy") || given("trust-header") && f.header == "":
		return errors.New("--trust-header needs --trusted-proxy, and --trusted-proxy needs --trust-header: give both")
	case !gate.IsLocal(f.listen) && !given("token-file") && !given("trust-header"):
		return fmt.Errorf("--listen is %q, which other machines can reach: give --token-file, or --trust-header and --trusted-proxy", f.listen)
	case given("stale") && f.stale <= 0:
		return fmt.Errorf("--stale is %v, it must be above zero", f.stale)
	}
	_, err = f.prefixes()
	return err
}

func (f *serveFlags) prefixes() (prefixes []netip.Prefix, err error) {
	for _, text := range f.proxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy is %q: want a CIDR such as 10.0.0.5/32", text)
		}
		prefixes = append(prefixes, p)
	}
	return prefixes, nil
}

// gated puts the authentication before the page.
func (f *serveFlags) gated(page http.Handler) (http.Handler, error) {
	switch {
	case f.tokenFile != "":
		text, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		page, err = gate.Token(strings.TrimSpace(string(text)), page)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
	case f.header != "":
		prefixes, err := f.prefixes()
		if err != nil {
			return nil, err
		}
		page = gate.Proxy(f.header, prefixes, page)
	default:
		page = gate.Local(page)
	}
	return gate.Headers(page), nil
}
