package demo

import (
	"fmt"
	"iter"
	"math/rand/v2"
)

var (
	countries = []string{"BR", "DE", "FR", "IN", "JP", "KE", "NO", "PL", "SE", "US"}
	catalogue = []struct {
		product string
		cents   int64
	}{
		{"bread-knife", 3450},
		{"candle", 590},
		{"coffee-mill", 7900},
		{"desk-lamp", 4990},
		{"enamel-mug", 1290},
		{"notebook", 850},
		{"teapot", 3990},
		{"wool-blanket", 8900},
	}
)

const customers = 500

// randomOrders yields orders of one to three lines, n lines in all: the same
// ones in every run. The slice is valid until the next one.
func randomOrders(n int) iter.Seq[[]Event] {
	return func(yield func([]Event) bool) {
		random := rand.New(rand.NewPCG(2, 60)) //nolint:gosec // orders need no secrets
		order := make([]Event, 0, 3)
		for number := uint64(1); n > 0; number++ {
			// The minimum of two makes some customers buy more than others.
			customer := min(random.IntN(customers), random.IntN(customers))
			order = order[:0]
			for range min(1+random.IntN(3), n) {
				item := catalogue[random.IntN(len(catalogue))]
				quantity := int64(1 + random.IntN(4))
				order = append(order, Event{
					Order:    number,
					Customer: fmt.Sprintf("customer-%03d", customer),
					Country:  countries[customer%len(countries)],
					Product:  item.product,
					Quantity: quantity,
					Cents:    quantity * item.cents,
				})
			}
			n -= len(order)
			if !yield(order) {
				return
			}
		}
	}
}
