package checkpoint

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

const maxTextBytes = 512

// ValidateKey returns an error that wraps [ErrInvalidKey] and says what is wrong with
// key, or nil. Every method of a [Store] checks its keys by itself.
func ValidateKey(key string) error {
	if err := textFault(key); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidKey, err)
	}
	return nil
}

// ValidateLogID returns an error that says what is wrong with the identity of a log, or
// nil. The rules are those of keys, except that the empty identity is valid. It means
// that the log has no identity.
func ValidateLogID(id string) error {
	if id == "" {
		return nil
	}
	return textFault(id)
}

func textFault(text string) error {
	switch {
	case text == "":
		return errors.New("it is empty")
	case len(text) > maxTextBytes:
		return fmt.Errorf("it has %d bytes, at most %d are allowed", len(text), maxTextBytes)
	}
	return characterFault(text)
}

func characterFault(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("it is not valid UTF-8")
	}
	for i, r := range text {
		if unicode.IsControl(r) {
			return fmt.Errorf("control character %U at byte %d", r, i)
		}
	}
	return nil
}
