package foreign

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// kafka reads topic,partition,offset, or group,topic,partition,offset, without a
// header. The offset is the next to read.
func kafka(text []byte) ([]entry, error) {
	in := csv.NewReader(bytes.NewReader(text))
	in.FieldsPerRecord = -1
	var entries []entry
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		where := fmt.Sprintf("line %d", line)
		if len(fields) != 3 && len(fields) != 4 {
			return nil, fmt.Errorf("%s has %d fields: want topic,partition,offset or group,topic,partition,offset", where, len(fields))
		}
		of, offset := fields[:len(fields)-1], fields[len(fields)-1]
		if _, err := number(where, "the partition", of[len(of)-1]); err != nil {
			return nil, err
		}
		n, err := number(where, "the offset", offset)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{strings.Join(of, "/"), nextToRead(n)})
	}
}
