package etcdstore

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// A target is what a URL names.
type target struct {
	endpoints      []string
	user, password string
	tls            *tls.Config
	opts           *Options
}

// errMalformed shows nothing of the URL. A password that is not percent-encoded can end
// up in any part of it.
var errMalformed = errors.New("etcdstore: malformed URL: want etcd://[user:password@]host:port[,host:port...][/prefix], " +
	"with user and password percent-encoded")

func parseURL(rawURL string, opts *Options) (target, error) {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok || scheme != "etcd" && scheme != "etcds" || strings.ContainsAny(rest, "#") || strings.Count(rest, "@") > 1 {
		return target{}, errMalformed
	}
	// A URL has one host: the others are cut out first.
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	at := strings.LastIndexByte(authority, '@') + 1
	hosts := strings.Split(authority[at:], ",")
	u, err := url.Parse(scheme + "://" + authority[:at] + hosts[0] + path)
	if err != nil {
		return target{}, errMalformed
	}
	t := target{endpoints: hosts, user: u.User.Username()}
	t.password, _ = u.User.Password()
	for _, h := range hosts {
		if one, err := url.Parse("etcd://" + h); err != nil || one.Host != h || one.Hostname() == "" || one.Port() == "" {
			return target{}, errMalformed
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return target{}, errMalformed
	}
	if t.opts, err = merge(opts, u.Path, query); err != nil {
		return target{}, err
	}
	t.tls, err = tlsConfig(scheme == "etcds", query)
	return t, err
}

// merge returns opts with those options that a URL names. It takes them from its query.
func merge(opts *Options, path string, query url.Values) (*Options, error) {
	merged := new(Options)
	if opts != nil {
		*merged = *opts
	}
	if err := errors.Join(merged.takePrefix(path), merged.takeShortcuts(query)); err != nil {
		return nil, err
	}
	return merged, checkPrefix(cmp.Or(merged.Prefix, defaultPrefix))
}

func (o *Options) takePrefix(path string) error {
	prefix := strings.TrimPrefix(path, "/")
	if prefix == "" {
		return nil
	}
	if !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	if o.Prefix != "" && o.Prefix != prefix {
		return fmt.Errorf("etcdstore: the URL says prefix %q, the Options say %q: leave one out", prefix, o.Prefix)
	}
	o.Prefix = prefix
	return nil
}

func (o *Options) takeShortcuts(query url.Values) error {
	const name = "no_shortcuts"
	values := query[name]
	if len(values) == 0 {
		return nil
	}
	none, err := strconv.ParseBool(values[0])
	switch {
	case len(values) > 1:
		return fmt.Errorf("etcdstore: the URL names %s twice: leave one out", name)
	case err != nil:
		return fmt.Errorf("etcdstore: %s in the URL is neither true nor false", name)
	case o.NoShortcuts && !none:
		return fmt.Errorf("etcdstore: the URL says %s false, the Options say true: leave one out", name)
	}
	o.NoShortcuts = none
	query.Del(name)
	return nil
}

func tlsConfig(used bool, query url.Values) (*tls.Config, error) {
	for name, values := range query {
		switch {
		case name != "ca" && name != "cert" && name != "key":
			return nil, fmt.Errorf("etcdstore: the URL has an unknown option %q: there are ca, cert, key and no_shortcuts", name)
		case len(values) > 1:
			return nil, fmt.Errorf("etcdstore: the URL names %s twice: leave one out", name)
		case !used:
			return nil, fmt.Errorf("etcdstore: %s in the URL needs TLS: write etcds:// in place of etcd://", name)
		}
	}
	if !used {
		return nil, nil //nolint:nilnil // no TLS
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca := query.Get("ca"); ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("etcdstore: ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("etcdstore: the file %s, which ca names, holds no certificate: give one in PEM form", ca)
		}
	}
	if query.Has("cert") != query.Has("key") {
		return nil, errors.New("etcdstore: cert and key in the URL belong together: give both")
	}
	if query.Has("cert") {
		own, err := tls.LoadX509KeyPair(query.Get("cert"), query.Get("key"))
		if err != nil {
			return nil, fmt.Errorf("etcdstore: cert and key: %w", err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}
