package foreign

import (
	"errors"
	"maps"
	"strings"
)

// eventuous reads documents of an id and the last position processed.
func eventuous(text []byte) ([]entry, error) {
	return eachRow(text, func(r row) (entry, error) {
		if source, ok := r.fields["source"].(map[string]any); ok { // of a search engine
			maps.Copy(r.fields, plainNames(source))
		}
		id, err := r.named("id")
		if err != nil {
			return entry{}, err
		}
		n, err := r.number("position")
		return entry{id, last(n)}, err
	})
}

// replicator reads the number and the commit position of the event that was written
// last.
func replicator(text []byte) ([]entry, error) {
	eventNumber, position, ok := strings.Cut(strings.TrimSpace(string(text)), ",")
	if !ok {
		return nil, errors.New("want the event number, a comma and the position: 12,3456")
	}
	const where = "the file"
	if _, err := number(where, "the event number", eventNumber); err != nil {
		return nil, err
	}
	n, err := number(where, "the position", position)
	return []entry{{"", last(n)}}, err
}
