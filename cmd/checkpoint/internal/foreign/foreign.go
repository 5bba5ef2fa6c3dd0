// Package foreign reads the checkpoints that other programs export. If a format has the
// position to read next, foreign returns the position that was processed last.
// docs/migrating.md says which formats do.
package foreign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/checkpointstore/checkpoint"
)

// A Format is one format of a file.
type Format struct {
	Name string
	Help string
	read func(text []byte) ([]entry, error)
}

// An entry is one position of a file.
type entry struct {
	name     string // within the file; "": the format has no names
	position checkpoint.Position
}

// Formats are all formats.
var Formats = []Format{
	{"kafka", "kafka-consumer-groups --reset-offsets --export (CSV)", kafka},
	{"connect", "Kafka Connect and Debezium offsets (JSON)", connect},
	{"kcl", "lease rows of the Kinesis Client Library (CSV or JSON)", kcl},
	{"axon", "Axon's token_entry rows (CSV or JSON)", axon},
	{"marten", "Marten's mt_event_progression rows (CSV or JSON)", marten},
	{"eventuous", "Eventuous checkpoint documents (CSV or JSON)", eventuous},
	{"replicator", "the checkpoint file of EventStore Replicator", replicator},
	{"eventhubs", "metadata of Azure Event Hubs checkpoint blobs (JSON)", eventHubs},
}

// Find returns the format of a name.
func Find(name string) (Format, error) {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		if f.Name == name {
			return f, nil
		}
		names[i] = f.Name
	}
	return Format{}, fmt.Errorf("the format %q is unknown: want %s", name, strings.Join(names, ", "))
}

// maxSize bounds a file, which is read as a whole: these formats have one row for
// each consumer, or for each partition.
const maxSize = 64 << 20

// Read returns the checkpoints of a file. A checkpoint's key is key, "/" and its name in
// the file. If key or the name is empty, it is the other one alone.
func (f Format) Read(r io.Reader, key string) ([]checkpoint.Checkpoint, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("it is longer than %d MiB, the limit for the format %s", maxSize>>20, f.Name)
	}
	entries, err := f.read(bytes.TrimPrefix(text, []byte("\ufeff")))
	if err != nil {
		return nil, fmt.Errorf("it is not of the format %s: %w", f.Name, err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("it has no position of the format %s", f.Name)
	}
	all := make([]checkpoint.Checkpoint, 0, len(entries))
	seen := make(map[string]bool)
	for _, e := range entries {
		parts := slices.DeleteFunc([]string{key, e.name}, func(s string) bool { return s == "" })
		c := checkpoint.Checkpoint{Key: strings.Join(parts, "/"), Mark: checkpoint.Mark{Position: e.position}}
		if c.Key == "" {
			return nil, errors.New("the file does not name its consumer: give --key")
		}
		if err := checkpoint.ValidateKey(c.Key); err != nil {
			return nil, err
		}
		if seen[c.Key] {
			return nil, fmt.Errorf("it has %q twice: leave one out", c.Key)
		}
		seen[c.Key] = true
		all = append(all, c)
	}
	return all, nil
}

// number reads a decimal number without a sign or leading zeros. A number in another
// notation is an error: the file may have another format.
func number(where, name, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err == nil && strconv.FormatUint(n, 10) == text {
		return n, nil
	}
	const want = "want a decimal number from 0 to 18446744073709551615"
	switch hint := hintOf(text); {
	case text == "":
		return 0, fmt.Errorf("%s: %s is missing: %s", where, name, want)
	case hint != "":
		return 0, fmt.Errorf("%s: %s is %.80q: %s; %s", where, name, text, want, hint)
	}
	return 0, fmt.Errorf("%s: %s is %.80q: %s", where, name, text, want)
}

func hintOf(text string) string {
	digits := strings.Trim(text, "0123456789") == ""
	switch {
	case digits && len(text) > 20:
		return fmt.Sprintf("its %d digits are more than a position holds", len(text))
	case strings.ContainsAny(text, "/:") || strings.Trim(text, "0123456789abcdefABCDEFxX") == "" && !digits:
		return "it looks like a hexadecimal LSN: convert it, 0/16B3748 is 23803720"
	}
	return ""
}

// nextToRead is the position of a consumer that reads offset n next, in a log whose
// offsets begin at 0. Offset n-1 is done, and its position is {n, n}.
func nextToRead(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

// lastOffset is the position of a consumer that has processed offset n, in a log whose
// offsets begin at 0.
func lastOffset(where, name string, n uint64) (checkpoint.Position, error) {
	if n == math.MaxUint64 {
		return checkpoint.Position{}, fmt.Errorf("%s: %s is %d, which is not an offset", where, name, n)
	}
	return checkpoint.Offset(n), nil
}

// last is the position of a consumer that has processed position n, in a log with
// positions of its own.
func last(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }
