package demo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"strconv"
	"sync"
)

// Every file of the demo consists of lines of tab-separated fields. The first field is a
// checksum of the rest. A person can read the file, and no damaged line passes for a whole
// one.

var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

const checksumLen = len("01234567\t")

// errTorn says that a file ends in the middle of a line, as it does when its
// writer was killed.
var errTorn = errors.New("the last line is not whole")

// appendLine appends body to dst as a line with its checksum.
func appendLine(dst, body []byte) []byte {
	const digits = "0123456789abcdef"
	sum := crc32.Checksum(body, castagnoli())
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[sum>>shift&0xf])
	}
	dst = append(dst, '\t')
	dst = append(dst, body...)
	return append(dst, '\n')
}

// A line is the body of one line, valid until the next one is read, and the
// offset in the file at which it starts.
type line struct {
	offset int64
	body   []byte
}

// readLines yields the lines of f from offset on. It ends with the first error.
func readLines(f *os.File, offset int64) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			yield(line{}, err)
			return
		}
		for r := bufio.NewReaderSize(f, 64<<10); ; {
			raw, err := r.ReadSlice('\n')
			switch {
			case errors.Is(err, io.EOF) && len(raw) == 0:
				return
			case errors.Is(err, io.EOF):
				err = errTorn
			case err == nil:
				raw, err = checked(raw[:len(raw)-1])
			}
			if err != nil {
				yield(line{offset: offset}, fmt.Errorf("%s at byte %d: %w", f.Name(), offset, err))
				return
			}
			if !yield(line{offset: offset, body: raw}, nil) {
				return
			}
			offset += int64(checksumLen + len(raw) + 1)
		}
	}
}

// checked returns the body of a line whose checksum is right.
func checked(raw []byte) ([]byte, error) {
	sum, body, ok := bytes.Cut(raw, []byte{'\t'})
	if !ok || len(sum)+1 != checksumLen {
		return nil, fmt.Errorf("%.40q has no checksum", raw)
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil {
		return nil, fmt.Errorf("%.40q has no checksum", raw)
	}
	if crc32.Checksum(body, castagnoli()) != uint32(want) {
		return nil, fmt.Errorf("%.40q does not match its checksum", raw)
	}
	return body, nil
}

// fields splits the body of a line, and parses numbers until the first error.
type fields struct {
	rest []byte
	err  error
}

func (f *fields) text() string {
	field, rest, _ := bytes.Cut(f.rest, []byte{'\t'})
	if len(field) == 0 && f.err == nil {
		f.err = errors.New("a field is missing")
	}
	f.rest = rest
	return string(field)
}

func (f *fields) uint() uint64 {
	n, err := strconv.ParseUint(f.text(), 10, 64)
	if f.err == nil {
		f.err = err
	}
	return n
}

func (f *fields) int() int64 {
	n, err := strconv.ParseInt(f.text(), 10, 64)
	if f.err == nil {
		f.err = err
	}
	return n
}

// end returns the first error, or that fields are left over.
func (f *fields) end() error {
	if f.err == nil && len(f.rest) > 0 {
		f.err = fmt.Errorf("%.40q is left over", f.rest)
	}
	return f.err
}
