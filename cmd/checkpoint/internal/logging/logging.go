// Package logging makes the logger of the command's flags.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Levels and Formats are what New understands.
const (
	Levels  = "off, debug, info, warn or error"
	Formats = "text or json"
)

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}

// New returns a logger that writes to w. With format "json" a record has the
// fields that the TypeScript store's log lines have: level in lower case, msg,
// and timestamp in UTC with milliseconds.
func New(w io.Writer, level, format string) (*slog.Logger, error) {
	if level == "off" {
		return slog.New(slog.DiscardHandler), nil
	}
	l, ok := levels[level]
	if !ok {
		return nil, fmt.Errorf("--log-level is %q: want %s", level, Levels)
	}
	opts := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		opts.ReplaceAttr = asTheOldStore
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, fmt.Errorf("--log-format is %q: want %s", format, Formats)
}

func asTheOldStore(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		return slog.String("timestamp", a.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z"))
	case slog.LevelKey:
		return slog.String("level", strings.ToLower(a.Value.String()))
	}
	if a.Value.Kind() == slog.KindDuration {
		return slog.Float64(a.Key+"Ms", float64(a.Value.Duration())/float64(time.Millisecond))
	}
	return a
}
