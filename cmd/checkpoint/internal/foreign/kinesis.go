package foreign

import "fmt"

// kcl reads lease rows. The checkpoint is the last sequence number processed. Within an
// aggregated record, the subsequence number says how far.
func kcl(text []byte) ([]entry, error) {
	return eachRow(text, func(r row) (entry, error) {
		key, err := r.named("leaseKey")
		if err != nil {
			return entry{}, err
		}
		e := entry{name: key}
		switch at := r.text("checkpoint"); at {
		case "TRIM_HORIZON":
			return e, nil // before everything
		case "LATEST", "AT_TIMESTAMP", "SHARD_END":
			return e, fmt.Errorf("%s: checkpoint is %s, which is no position: leave the row out", r.where, at)
		}
		if e.position.Commit, err = r.number("checkpoint"); err != nil {
			return e, err
		}
		if r.text("checkpointSubSequenceNumber") != "" {
			e.position.Prepare, err = r.number("checkpointSubSequenceNumber")
		}
		return e, err
	})
}
