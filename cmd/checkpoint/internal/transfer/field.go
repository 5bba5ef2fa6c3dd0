package transfer

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// A field is one field of a line. Its value is a string, even if it is a number, so that
// no reader rounds it.
type field struct {
	name     string
	optional bool // left out of the line if text returns ""
	text     func(*checkpoint.Checkpoint) string
	read     func(*checkpoint.Checkpoint, string) error
}

// fields are the fields of a line, in their order.
var fields = []field{
	textField("key", false, checkpoint.ValidateKey, func(c *checkpoint.Checkpoint) *string { return &c.Key }),
	numberField("commit", false, func(c *checkpoint.Checkpoint) *uint64 { return &c.Position.Commit }),
	numberField("prepare", false, func(c *checkpoint.Checkpoint) *uint64 { return &c.Position.Prepare }),
	timeField("updatedAt", func(c *checkpoint.Checkpoint) *time.Time { return &c.UpdatedAt }),
	timeField("expiresAt", func(c *checkpoint.Checkpoint) *time.Time { return &c.ExpiresAt }),
	epochField(),
	textField("logId", true, validateLogIDField, func(c *checkpoint.Checkpoint) *string { return &c.LogID }),
}

func textField(name string, optional bool, check func(string) error, of func(*checkpoint.Checkpoint) *string) field {
	return field{
		name, optional,
		func(c *checkpoint.Checkpoint) string { return *of(c) },
		func(c *checkpoint.Checkpoint, text string) error {
			*of(c) = text
			return check(text)
		},
	}
}

func numberField(name string, optional bool, of func(*checkpoint.Checkpoint) *uint64) field {
	return field{
		name, optional,
		func(c *checkpoint.Checkpoint) string {
			if n := *of(c); n != 0 || !optional {
				return strconv.FormatUint(n, 10)
			}
			return ""
		},
		func(c *checkpoint.Checkpoint, text string) (err error) {
			*of(c), err = number(name, text)
			return err
		},
	}
}

// epochField refuses the largest epoch, even though export writes it if a store has it.
func epochField() field {
	f := numberField("epoch", true, func(c *checkpoint.Checkpoint) *uint64 { return &c.Epoch })
	readNumber := f.read
	f.read = func(c *checkpoint.Checkpoint, text string) error {
		return cmp.Or(readNumber(c, text), CheckEpoch(`the field "epoch"`, c.Epoch))
	}
	return f
}

// CheckEpoch refuses an epoch that a write must not carry. Name says where it comes from.
func CheckEpoch(name string, epoch uint64) error {
	if epoch == math.MaxUint64 {
		return fmt.Errorf("%s is %d, the largest epoch there is, and would lock the key for ever: use a smaller one", name, epoch)
	}
	return nil
}

func timeField(name string, of func(*checkpoint.Checkpoint) *time.Time) field {
	return field{
		name, true,
		func(c *checkpoint.Checkpoint) string {
			if t := *of(c); !t.IsZero() {
				return t.UTC().Format(driver.TimeLayout)
			}
			return ""
		},
		func(c *checkpoint.Checkpoint, text string) (err error) {
			*of(c), err = instant(name, text)
			return err
		},
	}
}

// number reads a decimal number without a sign or leading zeros.
func number(name, s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("the field %q is %.40q: want a decimal number from 0 to 18446744073709551615", name, s)
	}
	return n, nil
}

// instant reads a time with or without a fraction of a second. It truncates the time to
// milliseconds.
func instant(name, s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if t = t.UTC().Truncate(time.Millisecond); err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("the field %q is %.40q: want a time such as 2026-01-02T03:04:05.006Z", name, s)
	}
	return t, nil
}

func validateLogIDField(id string) error {
	if err := checkpoint.ValidateLogID(id); err != nil {
		return fmt.Errorf(`the field "logId": %w`, err)
	}
	return nil
}
