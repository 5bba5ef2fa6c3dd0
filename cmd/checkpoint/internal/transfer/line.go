// Package transfer writes checkpoints as JSON Lines, and reads them back.
package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/checkpointstore/checkpoint"
)

const timeLayout = "2006-01-02T15:04:05.000Z"

// A line is one checkpoint. Numbers are strings, so that no reader rounds them.
type line struct {
	Key       string `json:"key"`
	Commit    string `json:"commit"`
	Prepare   string `json:"prepare"`
	UpdatedAt string `json:"updatedAt,omitempty"`
	ExpiresAt string `json:"expiresAt,omitempty"`
	Epoch     string `json:"epoch,omitempty"`
	LogID     string `json:"logId,omitempty"`
}

// Encode returns the line of a checkpoint, with its newline.
func Encode(c checkpoint.Checkpoint) []byte {
	l := line{
		Key:     c.Key,
		Commit:  strconv.FormatUint(c.Position.Commit, 10),
		Prepare: strconv.FormatUint(c.Position.Prepare, 10),
		LogID:   c.LogID,
	}
	if !c.UpdatedAt.IsZero() {
		l.UpdatedAt = c.UpdatedAt.UTC().Format(timeLayout)
	}
	if !c.ExpiresAt.IsZero() {
		l.ExpiresAt = c.ExpiresAt.UTC().Format(timeLayout)
	}
	if c.Epoch != 0 {
		l.Epoch = strconv.FormatUint(c.Epoch, 10)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(l); err != nil {
		panic(err) // strings only
	}
	return b.Bytes()
}

// Decode reads one line. It takes nothing that Encode would not have written,
// but for white space and the order of the fields.
func Decode(text []byte) (checkpoint.Checkpoint, error) {
	var c checkpoint.Checkpoint
	if bytes.HasPrefix(text, []byte("\ufeff")) {
		return c, errors.New("it begins with a byte order mark: save the file without one")
	}
	if !utf8.Valid(text) {
		return c, errors.New("it is not valid UTF-8")
	}
	fields, err := object(text)
	if err != nil {
		return c, err
	}
	for name := range fields {
		switch name {
		case "key", "commit", "prepare", "updatedAt", "expiresAt", "epoch", "logId":
		default:
			return c, fmt.Errorf("the field %.40q is unknown", name)
		}
	}
	c.Key = fields["key"]
	if c.Key == "" {
		return c, errors.New(`the field "key" is missing`)
	}
	if err := checkpoint.ValidateKey(c.Key); err != nil {
		return c, err
	}
	for _, f := range []struct {
		name string
		to   *uint64
	}{{"commit", &c.Position.Commit}, {"prepare", &c.Position.Prepare}, {"epoch", &c.Epoch}} {
		if _, ok := fields[f.name]; !ok && f.to == &c.Epoch {
			continue
		}
		if *f.to, err = number(f.name, fields[f.name]); err != nil {
			return c, err
		}
	}
	if _, ok := fields["epoch"]; ok && c.Epoch == 0 {
		return c, errors.New(`the field "epoch" is 0: leave it out`)
	}
	c.LogID = fields["logId"]
	if _, ok := fields["logId"]; ok && c.LogID == "" {
		return c, errors.New(`the field "logId" is empty: leave it out`)
	}
	if err := ValidateLogID(c.LogID); err != nil {
		return c, fmt.Errorf(`the field "logId": %w`, err)
	}
	for _, f := range []struct {
		name string
		to   *time.Time
	}{{"updatedAt", &c.UpdatedAt}, {"expiresAt", &c.ExpiresAt}} {
		if value, ok := fields[f.name]; ok {
			if *f.to, err = instant(f.name, value); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// object reads a flat JSON object of strings. Package json's own way into a
// struct is lenient: of a name given twice it takes the last value, and it
// takes names of another case.
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
			return nil, fmt.Errorf("the field %.40q has an escape that is no character", name)
		}
		fields[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, malformed(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more on it than one object")
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

// number reads the one way to write a number.
func number(field, s string) (uint64, error) {
	if s == "" {
		return 0, fmt.Errorf("the field %q is missing", field)
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("the field %q is %.40q: want a decimal number from 0 to 18446744073709551615", field, s)
	}
	return n, nil
}

func instant(field, s string) (time.Time, error) {
	t, err := time.Parse(timeLayout, s)
	if err != nil || t.Format(timeLayout) != s || t.Year() < 1 {
		return time.Time{}, fmt.Errorf("the field %q is %.40q: want a time such as 2026-01-02T03:04:05.006Z", field, s)
	}
	return t.UTC(), nil
}

// ValidateLogID says why a store would not take id, for which the rules of keys
// hold. Empty is none.
func ValidateLogID(id string) error {
	err := checkpoint.ValidateKey(id)
	if id == "" || err == nil {
		return nil
	}
	return errors.New(strings.TrimPrefix(err.Error(), checkpoint.ErrInvalidKey.Error()+": "))
}
