package output

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
)

// A Lease is a lease, and whether its owner holds it now.
type Lease struct {
	checkpoint.Lease

	Held bool
}

// Leases prints leases, sorted by key, in a format of [New].
func Leases(w io.Writer, format string, leases []Lease) error {
	slices.SortFunc(leases, func(a, b Lease) int { return strings.Compare(a.Key, b.Key) })
	switch {
	case format == "json":
		return leasesJSON(w, leases)
	case format == "" && !IsTerminal(w):
		return leasesPlain(w, leases)
	case len(leases) == 0:
		return nil
	}
	return leasesTable(w, time.Now(), format == "wide", leases)
}

func leasesJSON(w io.Writer, leases []Lease) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, l := range leases {
		err := encoder.Encode(struct {
			Key       string `json:"key"`
			Owner     string `json:"owner"`
			Epoch     uint64 `json:"epoch,string"`
			ExpiresAt string `json:"expiresAt"`
			Held      bool   `json:"held"`
		}{l.Key, l.Owner, l.Epoch, exact(l.ExpiresAt), l.Held})
		if err != nil {
			return err
		}
	}
	return nil
}

func leasesPlain(w io.Writer, leases []Lease) error {
	for _, l := range leases {
		if err := row(w, printable(l.Key), printable(l.Owner), epoch(l.Epoch), exact(l.ExpiresAt), l.state()); err != nil {
			return err
		}
	}
	return nil
}

func (l Lease) state() string {
	if l.Held {
		return "held"
	}
	return "ended"
}

func leasesTable(w io.Writer, now time.Time, wide bool, leases []Lease) error {
	rows := [][]string{{"KEY", "OWNER", "EPOCH", "ENDS"}}
	if wide {
		rows[0] = append(rows[0], "STATE")
	}
	for _, l := range leases {
		ends := []string{l.state()}
		switch {
		case wide:
			ends = []string{exact(l.ExpiresAt), l.state()}
		case l.Held:
			ends[0] = text.Ahead(now, l.ExpiresAt)
		}
		rows = append(rows, append([]string{printable(l.Key), printable(l.Owner), epoch(l.Epoch)}, ends...))
	}
	return align(w, rows, 2)
}
