package text

import (
	"io"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// Groups writes one object a line, with the counts of a group.
func Groups(w io.Writer, groups []watch.Group) error {
	encoder := lines(w)
	for i := range groups {
		g := &groups[i]
		err := encoder.Encode(struct {
			Group      string `json:"group"`
			Members    int    `json:"members"`
			Drained    int    `json:"drained"`
			Partitions int    `json:"partitions"`
			Held       int    `json:"held"`
			Free       int    `json:"free"`
		}{g.Name, len(g.Members), g.Drained(), len(g.Partitions), g.Held(), g.Free()})
		if err != nil {
			return err
		}
	}
	return nil
}

// Group writes one object, with the partitions, the members and the orders.
func Group(w io.Writer, g *watch.Group) error { return lines(w).Encode(g) }
