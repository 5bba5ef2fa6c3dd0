package foreign

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/checkpointstore/checkpoint"
)

// marten reads rows of mt_event_progression: last_seq_id is the last event processed. The
// row HighWaterMark belongs to no consumer.
func marten(text []byte) ([]entry, error) {
	return eachRow(text, func(r row) (entry, error) {
		name, err := r.named("name")
		if err != nil || name == "HighWaterMark" {
			return entry{}, err
		}
		n, err := r.number("last_seq_id")
		return entry{name, last(n)}, err
	})
}

// axon reads rows of token_entry, of one processor and segment each.
func axon(text []byte) ([]entry, error) {
	return eachRow(text, func(r row) (entry, error) {
		name, err := r.named("processor_name")
		if err != nil {
			return entry{}, err
		}
		segment, err := r.number("segment")
		if err != nil {
			return entry{}, err
		}
		position, err := axonToken(r)
		return entry{fmt.Sprintf("%s/%d", name, segment), position}, err
	})
}

const wantToken = `want the token as JSON, {"index":7,"gaps":[]} or {"globalIndex":7}, or the same JSON as hexadecimal bytes`

// axonToken reads a token. Its index is the last event processed, except for the gaps
// below it. These may still fill, so the position is before the first gap.
func axonToken(r row) (p checkpoint.Position, err error) {
	text := r.text("token")
	if text == "" {
		return p, fmt.Errorf("%s: token is empty: the processor has processed nothing; leave the row out", r.where)
	}
	for _, prefix := range []string{`\x`, "0x", "0X"} {
		if digits, ok := strings.CutPrefix(text, prefix); ok {
			bytes, err := hex.DecodeString(digits)
			if err != nil {
				return p, fmt.Errorf("%s: token is %.40q: %s", r.where, text, wantToken)
			}
			text = string(bytes)
		}
	}
	var token struct {
		Index, GlobalIndex *int64
		Gaps               []int64
	}
	kind := r.text("token_type")
	known := kind == "" || strings.HasSuffix(kind, "GapAwareTrackingToken") || strings.HasSuffix(kind, "GlobalSequenceTrackingToken")
	if !known {
		return p, fmt.Errorf("%s: token_type is %.80q: want a GapAwareTrackingToken or a GlobalSequenceTrackingToken", r.where, kind)
	}
	err = json.Unmarshal([]byte(text), &token)
	if err != nil || (token.Index == nil) == (token.GlobalIndex == nil) {
		return p, fmt.Errorf("%s: token is %.40q: %s", r.where, text, wantToken)
	}
	index := token.Index
	if index == nil {
		index = token.GlobalIndex
	}
	done := *index
	if len(token.Gaps) > 0 {
		done = min(done, slices.Min(token.Gaps)-1)
	}
	return last(uint64(max(done, 0))), nil // -1 is before everything
}
