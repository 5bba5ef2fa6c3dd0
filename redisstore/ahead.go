package redisstore

import (
	"context"
	"iter"
)

// ahead yields the pages that pages makes. While the caller works on one page,
// pages makes the next. A caller that breaks out of the loop waits for the page
// under way, unless ctx ends. Otherwise the commands of abandoned loops would pile
// up on the server. An error ends the loop.
func ahead[T any](ctx context.Context, pages func(context.Context) iter.Seq2[[]T, error]) iter.Seq2[[]T, error] {
	type page struct {
		items []T
		err   error
	}
	return func(yield func([]T, error) bool) {
		left := make(chan struct{})
		made := make(chan page)
		go func() {
			defer close(made)
			ctx := context.WithValue(ctx, leftKey{}, left)
			for items, err := range pages(ctx) {
				if hasLeft(ctx) {
					return
				}
				select {
				case made <- page{items, err}:
				case <-left:
					return
				}
			}
		}()
		defer func() {
			close(left)
			for more := true; more; {
				select {
				case _, more = <-made:
				case <-ctx.Done():
					return
				}
			}
		}()
		for {
			select {
			case p, more := <-made:
				if !more || !yield(p.items, p.err) || p.err != nil {
					return
				}
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// leftKey is the key of a channel in the context of pages. ahead closes the
// channel once the caller has left the loop.
type leftKey struct{}

// hasLeft reports whether the caller has left the loop for which ctx makes pages.
func hasLeft(ctx context.Context) bool {
	left, _ := ctx.Value(leftKey{}).(chan struct{})
	select {
	case <-left:
		return true
	default:
		return false
	}
}
