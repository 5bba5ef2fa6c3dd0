package foreign

import (
	"fmt"
	"strings"

	"github.com/checkpointstore/checkpoint"
)

// eventHubs reads the metadata of one checkpoint blob, or a list of blobs with their
// names and metadata. The sequence number is that of the last event processed. The first
// event has the sequence number 0.
func eventHubs(text []byte) ([]entry, error) {
	rows, err := rowsOf(text)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, r := range rows {
		name, isCheckpoint := checkpointBlob(r.text("name"))
		if !isCheckpoint {
			continue
		}
		if metadata, ok := r.fields["metadata"].(map[string]any); ok {
			r.fields = plainNames(metadata)
		}
		if r.text("sequencenumber") == "" && r.text("offset") != "" {
			return nil, fmt.Errorf("%s has an offset, which counts bytes, and no sequencenumber: want both", r.where)
		}
		n, err := r.number("sequencenumber")
		if err != nil {
			return nil, err
		}
		var position checkpoint.Position
		if position, err = lastOffset(r.where, "sequencenumber", n); err != nil {
			return nil, err
		}
		entries = append(entries, entry{name, position})
	}
	return entries, nil
}

// checkpointBlob returns the name of the checkpoint in a blob
// NAMESPACE/HUB/GROUP/checkpoint/PARTITION. It is false for other blobs, such as those of
// ownership.
func checkpointBlob(blob string) (name string, ok bool) {
	if blob == "" {
		return "", true // its metadata alone
	}
	parts := strings.Split(blob, "/")
	if len(parts) != 5 || parts[3] != "checkpoint" {
		return "", false
	}
	return strings.Join([]string{parts[1], parts[2], parts[4]}, "/"), true
}
