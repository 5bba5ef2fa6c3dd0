package transfer

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/checkpointstore/checkpoint"
)

// Walk is the store's GetAll, and takes a key that is not valid for damage, too. An
// error with a Key beside it concerns that key alone, and is the bare [Reason].
func Walk(ctx context.Context, store *checkpoint.Store, pattern string) iter.Seq2[checkpoint.Checkpoint, error] {
	return func(yield func(checkpoint.Checkpoint, error) bool) {
		for c, err := range store.GetAll(ctx, pattern) {
			if c.Key != "" {
				err = Reason(err)
				if invalid := checkpoint.ValidateKey(c.Key); invalid != nil {
					// Somebody else wrote it. Only Clear reaches it.
					err = fmt.Errorf("%w; `checkpoint clear` with a pattern removes it", invalid)
				}
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// Reason is what is wrong, without the call that found it.
func Reason(err error) error {
	if e := (*checkpoint.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
