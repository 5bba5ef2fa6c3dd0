package checkpoint_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
)

func TestKeys(t *testing.T) {
	good := []string{
		"a", "order-processor", "orders/3", " ", "a b", `"'`, "{a}", "{}", "{", "}", "*?[a-z]", `\`, "a:b", "é", "日本",
		strings.Repeat("a", 512), strings.Repeat("é", 256),
	}
	bad := []string{
		"", "\n", "a\tb", "a\x00b", "\x7f", "\u0085", "\xff", "a\xc3", strings.Repeat("a", 513), strings.Repeat("é", 257),
	}
	for _, key := range good {
		if err := checkpoint.New(memstore.New(), nil).Set(t.Context(), key, checkpoint.Position{}); err != nil {
			t.Errorf("%q is refused: %v", key, err)
		}
	}

	d := memstore.New()
	d.Fail(errors.New("the driver was called"))
	store := checkpoint.New(d, nil)
	for _, key := range bad {
		for op, err := range everyMethod(t.Context(), store, key) {
			if !errors.Is(err, checkpoint.ErrInvalidKey) {
				t.Errorf("%s with key %.20q: %v, want ErrInvalidKey", op, key, err)
			}
		}
	}
}
