package watch

import (
	"encoding/json"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// MarshalJSON has the fields of `checkpoint group describe -o json`, which are stable:
// programs read them.
func (g Group) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Group      string      `json:"group"`
		Partitions []Partition `json:"partitions"`
		Members    []Member    `json:"members"`
		Orders     []Order     `json:"orders"`
	}{g.Name, listOf(g.Partitions), listOf(g.Members), listOf(g.Orders)})
}

// listOf is never null in JSON.
func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// MarshalJSON implements [json.Marshaler].
func (p Partition) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Partition string `json:"partition"`
		Member    string `json:"member,omitempty"`
		Status    Row    `json:"status"`
	}{p.Name, p.Holder(), p.Row})
}

// MarshalJSON implements [json.Marshaler].
func (m Member) MarshalJSON() ([]byte, error) {
	out := struct {
		checkpoint.Member

		State      MemberState `json:"state"`
		Partitions []string    `json:"partitions"`
		SeenAt     time.Time   `json:"seenAt"`
		ExpiresAt  time.Time   `json:"expiresAt"`
		Error      string      `json:"error,omitempty"`
	}{Member: m.Member, State: m.State, Partitions: listOf(m.Holds), SeenAt: m.SeenAt, ExpiresAt: m.ExpiresAt, Error: textOf(m.Err)}
	return json.Marshal(out)
}

// MarshalJSON implements [json.Marshaler].
func (o Order) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		checkpoint.GroupOrder

		At    time.Time  `json:"at"`
		State OrderState `json:"state"`
		Why   string     `json:"why,omitempty"`
		Error string     `json:"error,omitempty"`
	}{o.GroupOrder, o.At, o.State, o.Why, textOf(o.Err)})
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
