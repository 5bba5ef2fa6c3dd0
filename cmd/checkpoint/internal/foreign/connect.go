package foreign

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/checkpointstore/checkpoint"
)

// connect reads the answer to GET /connectors/NAME/offsets, or the keys and values of the
// offsets topic: ["NAME",{partition}] and {offset}. In the topic, the last value of a key
// counts, and null removes the key.
func connect(text []byte) ([]entry, error) {
	values, err := valuesOf(text)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for i := 0; i < len(values); i++ {
		where := fmt.Sprintf("entry %d", i+1)
		if key, ok := values[i].([]any); ok {
			if i++; i == len(values) {
				return nil, fmt.Errorf("%s is a key without its value", where)
			}
			e, there, err := topicEntry(where, key, values[i])
			if err != nil {
				return nil, err
			}
			entries = slices.DeleteFunc(entries, func(older entry) bool { return older.name == e.name })
			if there {
				entries = append(entries, e)
			}
			continue
		}
		some, err := answered(where, values[i])
		if err != nil {
			return nil, err
		}
		entries = append(entries, some...)
	}
	return entries, nil
}

// answered reads {"offsets":[{"partition":{},"offset":{}}]}.
func answered(where string, value any) ([]entry, error) {
	object, _ := value.(map[string]any)
	list, ok := object["offsets"].([]any)
	if !ok {
		return nil, fmt.Errorf(`%s: want {"offsets":[...]}, or ["NAME",{...}] and {...} of the offsets topic`, where)
	}
	var entries []entry
	for i, item := range list {
		where := fmt.Sprintf("offset %d", i+1)
		pair, _ := item.(map[string]any)
		partition, ok := pair["partition"].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: partition is missing", where)
		}
		e, there, err := offsetEntry(where, partitionName(partition), pair["offset"])
		if err != nil {
			return nil, err
		}
		if there {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func topicEntry(where string, key []any, value any) (e entry, there bool, err error) {
	if len(key) == 2 {
		connector, okName := key[0].(string)
		partition, okPartition := key[1].(map[string]any)
		if okName && okPartition {
			return offsetEntry(where, strings.Trim(connector+"/"+partitionName(partition), "/"), value)
		}
	}
	return e, false, fmt.Errorf(`%s: want a key ["NAME",{...}]`, where)
}

// offsetEntry reads one offset. Null stands for a partition of which nothing is done.
func offsetEntry(where, name string, value any) (e entry, there bool, err error) {
	if value == nil {
		return entry{name: name}, false, nil
	}
	offset, ok := value.(map[string]any)
	if !ok {
		return e, false, fmt.Errorf("%s: its offset is no object", where)
	}
	position, err := connectPosition(row{where, plainNames(offset)})
	return entry{name, position}, true, err
}

// partitionName is TOPIC/PARTITION for a sink. For a source it is the values of the
// partition in the order of their names.
func partitionName(partition map[string]any) string {
	if topic, ok := partition["kafka_topic"]; ok {
		return textOf(topic) + "/" + textOf(partition["kafka_partition"])
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(partition)) {
		parts = append(parts, textOf(partition[name]))
	}
	return strings.Join(parts, "/")
}

// connectPosition reads the offset of a sink, or of one of Debezium's connectors.
func connectPosition(r row) (p checkpoint.Position, err error) {
	if inSnapshot(r) {
		return p, fmt.Errorf("%s: it is within a snapshot, and no position says how far a snapshot got: let the snapshot end first", r.where)
	}
	has := func(name string) bool { return r.text(name) != "" }
	switch {
	case has("kafka_offset"):
		n, err := r.number("kafka_offset")
		return nextToRead(n), err
	case has("lsn"):
		return postgres(r)
	case has("file") && has("pos"):
		return mySQL(r)
	case has("sec") && has("ord"):
		return mongoDB(r)
	case has("commit_lsn"):
		return p, fmt.Errorf("%s: commit_lsn is %.80q, SQL Server's hexadecimal LSN of 80 bits: write JSON Lines like those of `checkpoint export`, "+
			"with the first 64 bits as a decimal commit and the other 16 as a decimal prepare", r.where, r.text("commit_lsn"))
	}
	return p, fmt.Errorf("%s: want kafka_offset, or Debezium's lsn, file and pos, or sec and ord: no other connector's offset is known", r.where)
}

func inSnapshot(r row) bool {
	is := func(name string) bool {
		value := r.fields[plain(name)]
		return value == true || textOf(value) != "" && !strings.EqualFold(textOf(value), "false")
	}
	return is("snapshot") && !is("last_snapshot_record") && !is("snapshot_completed")
}

// postgres: transactions come in the order of their commits, and all up to lsn_commit are
// done. An older Debezium has only the event's own LSN, which is below the LSN of its
// commit.
func postgres(r row) (checkpoint.Position, error) {
	for _, name := range []string{"lsn_commit", "lsn_proc"} {
		if r.text(name) != "" {
			n, err := r.number(name)
			return last(n), err
		}
	}
	n, err := r.number("lsn")
	return last(n), err
}

// mySQL: pos is where reading goes on. A part of the transaction there may be done, so
// that the position is just before it.
func mySQL(r row) (p checkpoint.Position, err error) {
	file := r.text("file")
	digits := strings.TrimLeft(file[strings.LastIndex(file, ".")+1:], "0")
	if p.Commit, err = number(r.where, "the number in file "+file, digits); err != nil {
		return p, err
	}
	pos, err := r.number("pos")
	p.Prepare = max(pos, 1) - 1
	return p, err
}

// mongoDB: the events of a transaction share one time, and only some may be done.
func mongoDB(r row) (p checkpoint.Position, err error) {
	if p.Commit, err = r.number("sec"); err != nil {
		return p, err
	}
	ord, err := r.number("ord")
	p.Prepare = max(ord, 1) - 1
	return p, err
}
