package foreign

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A row is a row of a table: a line of CSV, or an object of JSON.
type row struct {
	where  string
	fields map[string]any // by their names, lower case, without underscores
}

// rowsOf reads a table as CSV with a header, or as JSON: an array, an object that
// holds one as its only list, or one object after another.
func rowsOf(text []byte) ([]row, error) {
	if first := bytes.TrimSpace(text); len(first) > 0 && (first[0] == '{' || first[0] == '[') {
		return jsonRows(text)
	}
	return csvRows(text)
}

func csvRows(text []byte) ([]row, error) {
	in := csv.NewReader(bytes.NewReader(text))
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var rows []row
	for {
		values, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		r := row{fmt.Sprintf("line %d", line), make(map[string]any)}
		for i, value := range values {
			r.fields[plain(header[i])] = value
		}
		rows = append(rows, r)
	}
}

func jsonRows(text []byte) ([]row, error) {
	values, err := valuesOf(text)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, value := range values {
		list, ok := value.([]any)
		if !ok {
			list = listOf(value)
		}
		for _, item := range list {
			r := row{where: fmt.Sprintf("entry %d", len(rows)+1)}
			object, ok := item.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("%s is no object", r.where)
			}
			r.fields = plainNames(object)
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// listOf is the list that an answer of a server wraps, or the object itself.
func listOf(value any) []any {
	object, _ := value.(map[string]any)
	for _, name := range []string{"Items", "offsets", "rows"} {
		if list, ok := object[name].([]any); ok {
			return list
		}
	}
	return []any{value}
}

// valuesOf reads JSON values that stand one after another. Numbers stay as they are
// written.
func valuesOf(text []byte) ([]any, error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var values []any
	for {
		var value any
		switch err := in.Decode(&value); {
		case errors.Is(err, io.EOF):
			return values, nil
		case err != nil:
			return nil, fmt.Errorf("it is not JSON: %w", err)
		}
		values = append(values, value)
	}
}

func plainNames(object map[string]any) map[string]any {
	fields := make(map[string]any, len(object))
	for name, value := range object {
		fields[plain(name)] = value
	}
	return fields
}

// plain maps the names that exporters give to one field to the same name: leaseKey,
// lease_key and "leaseKey (S)".
func plain(name string) string {
	name, _, _ = strings.Cut(name, " (")
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "_", ""))
}

// text is a field as text, or "" if it is missing. DynamoDB and MongoDB wrap a value
// in an object that says its type.
func (r row) text(name string) string { return textOf(r.fields[plain(name)]) }

func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case map[string]any:
		for _, kind := range []string{"S", "N", "$numberLong", "$numberInt"} {
			if inner, ok := v[kind]; ok && len(v) == 1 {
				return textOf(inner)
			}
		}
		raw, _ := json.Marshal(v) // a json.Number is written as it was read
		return string(raw)
	}
	return ""
}

// number is a field as a number.
func (r row) number(name string) (uint64, error) { return number(r.where, name, r.text(name)) }

// named is a field as text that must be there.
func (r row) named(name string) (string, error) {
	if text := r.text(name); text != "" {
		return text, nil
	}
	return "", fmt.Errorf("%s: %s is missing", r.where, name)
}

// eachRow makes an entry of each row. An entry without a name is left out.
func eachRow(text []byte, entryOf func(row) (entry, error)) ([]entry, error) {
	rows, err := rowsOf(text)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, r := range rows {
		e, err := entryOf(r)
		if err != nil {
			return nil, err
		}
		if e.name != "" {
			entries = append(entries, e)
		}
	}
	return entries, nil
}
