package cell_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Every combination of these parts is a cell, and every operation is tried on
// each. Numbers are few and close together, so that each is below, at and above
// each other.
var (
	checkpoints = []string{
		"", "checkpoint 2/2", "checkpoint 2/2 epoch 1 log a", "checkpoint 2/2 epoch 2 expires 1s", "checkpoint 2/2 epoch 2 expires -1s",
		"checkpoint 18446744073709551615/0 epoch max", "damaged checkpoint epoch 2 log a", "damaged checkpoint",
	}
	fences = []string{"", "fence 1", "fence 2 raised -2h", "fence 3", "fence max-1", "fence max", "damaged fence"}
	leases = []string{
		"", "lease a epoch 1 until 1s of 15s", "lease a epoch 2 until -1s of 15s", "lease b epoch 2 until 1s of 15s",
		"lease b epoch 3 until 1h of 15s", "damaged lease b epoch 2", "damaged lease",
	}
	operations = operationsOf()
)

func operationsOf() []string {
	all := []string{"get", "delete", "forget 1h", "touch", "touch for 1s", "touch epoch 2"}
	for _, position := range []string{"1/9", "2/1", "2/2", "2/3", "3/0", "18446744073709551615/0"} {
		for _, mode := range []string{"set", "ifNewer", "rewind"} {
			for _, epoch := range []string{"", " epoch 1", " epoch 2", " epoch 3", " epoch max"} {
				all = append(all, mode+" "+position+epoch, mode+" "+position+epoch+" log b for 1s")
			}
		}
	}
	for _, owner := range []string{"a", "b", "c"} {
		all = append(all, "acquire "+owner+" for 15s")
		for _, epoch := range []string{"0", "1", "2", "3", "max"} {
			all = append(all, "renew "+owner+" epoch "+epoch+" for 15s", "release "+owner+" epoch "+epoch)
		}
	}
	for _, atLeast := range []string{"0", "2", "9", "max"} {
		all = append(all, "raise "+atLeast)
	}
	return all
}

// TestInvariants holds every operation on every cell to what must never happen.
func TestInvariants(t *testing.T) {
	n := 0
	for _, checkpoint := range checkpoints {
		for _, fence := range fences {
			for _, lease := range leases {
				parts := slices.DeleteFunc([]string{checkpoint, fence, lease}, func(s string) bool { return s == "" })
				before, err := parseCell(strings.Join(parts, "|"))
				if len(parts) == 0 {
					before, err = parseCell("nothing")
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, operation := range operations {
					n++
					after, answer, err := do(cell.Cell(before), operation)
					if err == nil {
						err = broken(before, driver.Cell(after), operation, answer)
					}
					if err != nil {
						t.Errorf("%s, after %s: %s, and then %s: %v",
							showCell(before), operation, answer, showCell(driver.Cell(after)), err)
					}
				}
			}
		}
	}
	t.Logf("%d steps", n)
}

// broken says which rule a step breaks.
func broken(before, after driver.Cell, operation, answer string) error {
	verb, _, _ := strings.Cut(operation, " ")
	stored := before.Checkpoint
	if !stored.ExpiresAt.IsZero() && !now.Before(stored.ExpiresAt) {
		stored = driver.StoredCheckpoint{}
	}
	_, of, _ := strings.Cut(operation, " epoch ")
	newFence := after.Fence.Epoch > before.Fence.Epoch
	switch {
	case refusals.contain(answer) && before != after && !strings.HasPrefix(answer, "held"):
		return fmt.Errorf("it was refused, and changed something")
	case verb != "raise" && before.Fence.Err != nil && after.Fence.Err == nil:
		return fmt.Errorf("the damaged fence is repaired")
	case verb != "forget" && before.Fence.Err == nil && after.Fence.Epoch < before.Fence.Epoch:
		return fmt.Errorf("the fence is lowered")
	case verb == "renew" && strings.HasPrefix(of, "0") && strings.HasPrefix(answer, "granted"):
		return fmt.Errorf("a lease is renewed that nobody was granted")
	case verb == "get" && before != after:
		return fmt.Errorf("reading changes something")
	case newFence && !after.Fence.RaisedAt.Equal(now):
		return fmt.Errorf("the fence was raised, and does not say when")
	case stored.Err != nil && (verb == "ifNewer" || verb == "touch") && after.Checkpoint.Err == nil:
		return fmt.Errorf("the damaged checkpoint is repaired")
	case stored.Exists && stored.Err == nil && verb == "ifNewer" && after.Checkpoint.Position.Compare(stored.Position) < 0:
		return fmt.Errorf("the position goes back")
	case verb != "set" && verb != "rewind" && verb != "delete" && stored.Exists && !after.Checkpoint.Exists:
		return fmt.Errorf("the checkpoint is gone")
	case !slices.Contains([]string{"acquire", "renew", "release", "raise", "forget"}, verb) && after.Lease != before.Lease:
		return fmt.Errorf("the lease changes")
	}
	sound := before.Fence.Err == nil && stored.Epoch <= before.Fence.Epoch
	if sound && after.Fence.Err == nil && after.Checkpoint != before.Checkpoint && after.Checkpoint.Epoch > after.Fence.Epoch {
		return fmt.Errorf("the fence is below the checkpoint's epoch")
	}
	if verb == "acquire" && strings.HasPrefix(answer, "granted") {
		highest := max(before.Fence.Epoch, stored.Epoch, before.Lease.Epoch)
		if after.Lease.Epoch <= highest || after.Lease.Epoch != after.Fence.Epoch {
			return fmt.Errorf("the lease's epoch is not a new one, or not the fence")
		}
		if l := before.Lease; l.Err == nil && l.Epoch == before.Fence.Epoch && l.Owner != "" && l.Owner != after.Lease.Owner && now.Before(l.ExpiresAt) {
			return fmt.Errorf("another owner holds a lease that lasts")
		}
	}
	if verb == "raise" && strings.HasPrefix(answer, "raised") {
		if after.Lease.Exists() || after.Fence.Epoch <= max(before.Fence.Epoch, stored.Epoch, before.Lease.Epoch) {
			return fmt.Errorf("a former epoch is not locked out")
		}
	}
	return nil
}

type answers []string

// refusals are what an answer begins with that says that nothing changed.
var refusals = answers{"failed", "fenced", "held", "damaged", "epoch exhausted", "not found", "nothing to", "kept"}

func (a answers) contain(answer string) bool {
	return slices.ContainsFunc(a, func(prefix string) bool { return strings.HasPrefix(answer, prefix) })
}
