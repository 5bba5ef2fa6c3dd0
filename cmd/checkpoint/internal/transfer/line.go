// Package transfer writes checkpoints as JSON Lines, and reads them back.
package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/checkpointstore/checkpoint"
)

// Encode returns the line of a checkpoint, with its newline.
func Encode(c checkpoint.Checkpoint) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	before := byte('{')
	for _, f := range fields {
		text := f.text(&c)
		if text == "" && f.optional {
			continue
		}
		b.WriteByte(before)
		before = ','
		b.WriteString(strconv.Quote(f.name) + ":")
		if err := encoder.Encode(text); err != nil {
			panic(err) // a string
		}
		b.Truncate(b.Len() - len("\n"))
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// Decode reads one line. It accepts only lines that Encode could have written, except
// that white space and the order of the fields may differ.
func Decode(text []byte) (checkpoint.Checkpoint, error) {
	var c checkpoint.Checkpoint
	if bytes.HasPrefix(text, []byte("\ufeff")) {
		return c, errors.New("it begins with a byte order mark: save the file without one")
	}
	if !utf8.Valid(text) {
		return c, errors.New("it is not valid UTF-8")
	}
	given, err := object(text)
	if err != nil {
		return c, err
	}
	for name := range given {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == name }) {
			return c, fmt.Errorf("the field %.40q is unknown", name)
		}
	}
	for _, f := range fields {
		value, ok := given[f.name]
		if !ok && f.optional {
			continue
		}
		if value == "" && !f.optional {
			return c, fmt.Errorf("the field %q is missing", f.name)
		}
		if err := f.read(&c, value); err != nil {
			return c, err
		}
		if f.text(&c) == "" {
			return c, fmt.Errorf("the field %q is %q: leave it out", f.name, value)
		}
	}
	return c, nil
}

// object reads a flat JSON object of strings. It does not unmarshal into a struct, because
// package json is lenient there: it takes the last value of a name that is given twice,
// and accepts names in another case.
func object(text []byte) (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	fields := make(map[string]string)
	if t, err := decoder.Token(); err != nil {
		return nil, malformed(err)
	} else if t != json.Delim('{') {
		return nil, fmt.Errorf("it is %s, not an object", kind(t))
	}
	for decoder.More() {
		t, err := decoder.Token()
		if err != nil {
			return nil, malformed(err)
		}
		name := t.(string) // or it would not be JSON
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("the field %.40q is there twice", name)
		}
		if t, err = decoder.Token(); err != nil {
			return nil, malformed(err)
		}
		value, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("the field %.40q is %s: write it as a string, so that no reader rounds it", name, kind(t))
		}
		if strings.ContainsRune(value, utf8.RuneError) && !bytes.ContainsRune(text, utf8.RuneError) {
			return nil, fmt.Errorf("the field %.40q has an escape that encodes no character", name)
		}
		fields[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, malformed(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one object: put each on a line of its own")
	}
	return fields, nil
}

func kind(t json.Token) string {
	switch t := t.(type) {
	case json.Number:
		return "the number " + t.String()
	case bool:
		return "a boolean"
	case nil:
		return "null"
	case string:
		return "a string"
	case json.Delim:
		if t == '{' {
			return "an object"
		}
	}
	return "an array"
}

func malformed(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("it is cut off")
	}
	return fmt.Errorf("it is not JSON: %w", err)
}
