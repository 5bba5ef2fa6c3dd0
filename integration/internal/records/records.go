// Package records keeps what processes do in files, one line for each record.
package records

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
)

// A Writer appends to a process's file.
type Writer struct{ file *os.File }

// Append opens the file at path, and makes it if it is not there.
func Append(path string) (*Writer, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	return &Writer{file}, err
}

// Add makes one write(2), so that the record survives the process from then on.
func (w *Writer) Add(record any) error {
	line, err := json.Marshal(record)
	if err != nil {
		return err
	}
	_, err = w.file.Write(append(line, '\n'))
	return err
}

// A Reader reads the records of a file that grows.
type Reader[T any] struct {
	file *os.File
	part []byte // of a line
}

// Open opens the file at path, and makes it if it is not there.
func Open[T any](path string) (*Reader[T], error) {
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	return &Reader[T]{file: file}, err
}

// Read returns what was recorded since the last call.
func (r *Reader[T]) Read() ([]T, error) {
	text, err := io.ReadAll(r.file)
	if err != nil {
		return nil, err
	}
	r.part = append(r.part, text...)
	var records []T
	for {
		line, rest, whole := bytes.Cut(r.part, []byte("\n"))
		if !whole {
			return records, nil
		}
		var one T
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, err
		}
		records, r.part = append(records, one), rest
	}
}

// Close ends the reading.
func (r *Reader[T]) Close() error { return r.file.Close() }
