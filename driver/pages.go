package driver

import (
	"iter"
	"slices"
)

// Pages yields what find returns in pages of size, as Scan must. It calls find when the
// loop begins, and ready before each page. An error of either ends the sequence. It
// serves an engine that finds all its keys in one step:
//
//	pages := driver.Pages(pageSize, ctx.Err, findKeys)
func Pages[T any](size int, ready func() error, find func() ([]T, error)) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		items, err := find()
		if err != nil {
			yield(nil, err)
			return
		}
		for page := range slices.Chunk(items, size) {
			if err := ready(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}
