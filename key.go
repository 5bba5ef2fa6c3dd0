package checkpoint

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

const maxKeyBytes = 512

// ValidateKey says what is wrong with a key, with an error that wraps
// [ErrInvalidKey]. Every method of a [Store] checks its keys by itself.
func ValidateKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	case len(key) > maxKeyBytes:
		return fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrInvalidKey, len(key), maxKeyBytes)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: it is not valid UTF-8", ErrInvalidKey)
	}
	for i, r := range key {
		if unicode.IsControl(r) {
			return fmt.Errorf("%w: control character %U at byte %d", ErrInvalidKey, r, i)
		}
	}
	return nil
}

// checkText holds a text that is stored beside a checkpoint to the rules of keys.
func checkText(what, text string) error {
	switch {
	case text == "" || len(text) > maxKeyBytes:
		return fmt.Errorf("%s has %d bytes, want 1 to %d", what, len(text), maxKeyBytes)
	case !utf8.ValidString(text):
		return fmt.Errorf("%s is not valid UTF-8", what)
	}
	for i, r := range text {
		if unicode.IsControl(r) {
			return fmt.Errorf("%s has the control character %U at byte %d", what, r, i)
		}
	}
	return nil
}
