package etcdstore

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// All values are JSON that people can read with etcdctl. Numbers of 64 bits are strings,
// so that no reader rounds them.

type checkpointJSON struct {
	Position  *driver.Position `json:"position"` // nil: missing, which is not the zero position
	UpdatedAt stamp            `json:"updatedAt,omitzero"`
	Epoch     uint64           `json:"epoch,omitempty,string"`
	LogID     string           `json:"logId,omitempty"`
	ExpiresAt stamp            `json:"expiresAt,omitzero"`
}

type fenceJSON struct {
	Epoch    uint64 `json:"epoch,string"`
	RaisedAt stamp  `json:"raisedAt,omitzero"`
}

type leaseJSON struct {
	Owner     string `json:"owner"`
	Epoch     uint64 `json:"epoch,string"`
	TTL       int64  `json:"ttlMilliseconds,string"`
	ExpiresAt stamp  `json:"expiresAt"`
}

type heldJSON struct {
	Owner string `json:"owner"`
	Epoch uint64 `json:"epoch,string"`
}

// A stamp is a time as driver.TimeLayout has it.
type stamp time.Time

func (s stamp) IsZero() bool { return time.Time(s).IsZero() }

func (s stamp) MarshalText() ([]byte, error) {
	return []byte(time.Time(s).UTC().Format(driver.TimeLayout)), nil
}

func (s *stamp) UnmarshalText(text []byte) error {
	t, err := time.Parse(driver.TimeLayout, string(text))
	if err == nil && len(text) != len(driver.TimeLayout) {
		err = fmt.Errorf("%q is no time of the form %s", text, driver.TimeLayout)
	}
	*s = stamp(t)
	return err
}

func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // no field of ours can fail
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// decode reads data into v. It refuses fields that v does not have.
func decode(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON")
	}
	return nil
}

func encodeCheckpoint(c driver.StoredCheckpoint) []byte {
	return encode(checkpointJSON{&c.Position, stamp(c.UpdatedAt), c.Epoch, c.LogID, stamp(c.ExpiresAt)})
}

// decodeCheckpoint returns the checkpoint of the etcd key name. If it is damaged, the
// fields that can still be read are set, except those of the position.
func decodeCheckpoint(name string, v value, noShortcuts bool) driver.StoredCheckpoint {
	var c driver.StoredCheckpoint
	if v.revision == 0 {
		return c
	}
	c.Exists = true
	stored, err := readCheckpoint(v.data, noShortcuts)
	switch {
	case err != nil:
	case stored.Position == nil:
		err = errors.New("the position is missing")
	case v.etcdLease != 0 && stored.ExpiresAt.IsZero():
		err = errors.New("an etcd lease removes it, and expiresAt is missing")
	}
	if err != nil {
		c.Err = driver.DamagedCheckpoint("the etcd key %q holds %s: %v", name, quote(v.data), err)
		salvage(v.data, &c)
		return c
	}
	c.Mark = driver.Mark{Position: *stored.Position, UpdatedAt: time.Time(stored.UpdatedAt), Epoch: stored.Epoch, LogID: stored.LogID}
	c.ExpiresAt = time.Time(stored.ExpiresAt)
	return c
}

func readCheckpoint(data []byte, noShortcuts bool) (checkpointJSON, error) {
	if !noShortcuts {
		if c, ok := decodeUsual(string(data)); ok {
			return c, nil
		}
	}
	var c checkpointJSON
	err := decode(data, &c)
	return c, err
}

// decodeUsual reads a checkpoint as encodeCheckpoint writes it, in a fifth of the time that
// decode takes. It returns false for everything else, and for a text that JSON would escape.
func decodeUsual(text string) (c checkpointJSON, ok bool) {
	text, ok = strings.CutPrefix(text, `{"position":`)
	end := strings.IndexByte(text, '}') + 1
	if c.Position = new(driver.Position); !ok || c.Position.UnmarshalJSON([]byte(text[:end])) != nil {
		return checkpointJSON{}, false
	}
	text = text[end:]
	field := func(begin string, read func(string) error) error {
		after, ok := strings.CutPrefix(text, begin)
		value, after, closed := strings.Cut(after, `"`)
		if !ok || !closed {
			return nil
		}
		text = after
		return read(value)
	}
	err := cmp.Or(
		field(`,"updatedAt":"`, func(s string) error { return c.UpdatedAt.UnmarshalText([]byte(s)) }),
		field(`,"epoch":"`, func(s string) (err error) {
			if c.Epoch, err = strconv.ParseUint(s, 10, 64); s[:min(1, len(s))] == "0" {
				return errUnusual
			}
			return err
		}),
		field(`,"logId":"`, func(s string) error {
			if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '\\' }) {
				return errUnusual
			}
			c.LogID = s
			return nil
		}),
		field(`,"expiresAt":"`, func(s string) error { return c.ExpiresAt.UnmarshalText([]byte(s)) }),
	)
	if err != nil || text != "}" {
		return checkpointJSON{}, false
	}
	return c, true
}

var errUnusual = errors.New("etcdstore: decode reads this")

// salvage reads the fields of a damaged checkpoint that a rule may still need.
func salvage(data []byte, c *driver.StoredCheckpoint) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return
	}
	var epoch string
	if json.Unmarshal(fields["epoch"], &epoch) == nil {
		c.Epoch, _ = strconv.ParseUint(epoch, 10, 64)
	}
	var logID string
	if json.Unmarshal(fields["logId"], &logID) == nil {
		c.LogID = logID
	}
	var at stamp
	if json.Unmarshal(fields["expiresAt"], &at) == nil {
		c.ExpiresAt = time.Time(at)
	}
}

func encodeFence(f driver.Fence) []byte { return encode(fenceJSON{f.Epoch, stamp(f.RaisedAt)}) }

func decodeFence(name string, v value) driver.Fence {
	if v.revision == 0 {
		return driver.Fence{}
	}
	var stored fenceJSON
	err := decode(v.data, &stored)
	if err == nil && stored.Epoch == 0 {
		err = errors.New("the epoch is missing")
	}
	if err != nil {
		return driver.Fence{Err: driver.DamagedFence("the etcd key %q holds %s: %v", name, quote(v.data), err)}
	}
	return driver.Fence{Epoch: stored.Epoch, RaisedAt: time.Time(stored.RaisedAt)}
}

func encodeLease(l driver.Lease) []byte {
	return encode(leaseJSON{l.Owner, l.Epoch, l.TTL.Milliseconds(), stamp(l.ExpiresAt)})
}

func encodeHeld(l driver.Lease) []byte { return encode(heldJSON{l.Owner, l.Epoch}) }

// decodeLease returns the lease of key. What is stored under the two names must agree.
func decodeLease(key, name, heldName string, lease, held value) driver.StoredLease {
	l := driver.StoredLease{Lease: driver.Lease{Key: key}}
	if lease.revision == 0 && held.revision == 0 {
		return driver.StoredLease{}
	}
	damaged := func(name, format string, args ...any) driver.StoredLease {
		l.Err = driver.DamagedLease("the etcd key %q %s", name, fmt.Sprintf(format, args...))
		return l
	}
	if lease.revision == 0 {
		return damaged(heldName, "is there without the etcd key %q", name)
	}
	var stored leaseJSON
	err := decode(lease.data, &stored)
	l.Owner, l.Epoch = stored.Owner, stored.Epoch
	switch {
	case err != nil:
		return damaged(name, "holds %s: %v", quote(lease.data), err)
	case l.Owner == "" || l.Epoch == 0 || stored.TTL <= 0 || stored.TTL > maxMilliseconds || stored.ExpiresAt.IsZero():
		return damaged(name, "holds %s: a field is missing or out of range", quote(lease.data))
	}
	l.TTL, l.ExpiresAt = time.Duration(stored.TTL)*time.Millisecond, time.Time(stored.ExpiresAt)
	if held.revision == 0 {
		return l
	}
	var holder heldJSON
	switch err := decode(held.data, &holder); {
	case err != nil:
		return damaged(heldName, "holds %s: %v", quote(held.data), err)
	case holder.Owner != l.Owner || holder.Epoch != l.Epoch:
		return damaged(heldName, "names another owner or epoch than %q", name)
	case held.etcdLease == 0:
		return damaged(heldName, "has no etcd lease, so that the lease would never end")
	}
	return l
}

const maxMilliseconds = int64((1<<63 - 1) / time.Millisecond)

// quote shows a stored value in an error, however long and strange it is.
func quote(data []byte) string {
	const limit = 64
	if len(data) > limit {
		return strconv.Quote(string(data[:limit])) + "..."
	}
	return strconv.Quote(string(data))
}
