package demo

import (
	"iter"
	"math/rand/v2"
)

var catalogue = []string{
	"bread-knife", "candle", "coffee-mill", "desk-lamp", "enamel-mug", "notebook", "teapot", "wool-blanket",
}

// randomOrders yields orders of one to three lines, n lines in all: the same
// ones in every run. The slice is valid until the next one.
func randomOrders(n int) iter.Seq[[]Event] {
	return func(yield func([]Event) bool) {
		random := rand.New(rand.NewPCG(2, 60)) //nolint:gosec // orders need no secrets
		order := make([]Event, 0, 3)
		for number := uint64(1); n > 0; number++ {
			order = order[:0]
			for range min(1+random.IntN(3), n) {
				order = append(order, Event{
					Order:    number,
					Product:  catalogue[random.IntN(len(catalogue))],
					Quantity: int64(1 + random.IntN(4)),
				})
			}
			n -= len(order)
			if !yield(order) {
				return
			}
		}
	}
}
