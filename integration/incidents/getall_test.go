package incidents

import (
	"context"
	"fmt"

	"github.com/checkpointstore/checkpoint"
)

// envGetAll makes the test binary a process that reads all checkpoints of a store again and
// again.
const envGetAll = "CHECKPOINT_TEST_GETALL"

func beGetAll(url string) error {
	d, err := open(context.Background(), url)
	if err != nil {
		return err
	}
	store := checkpoint.New(d, nil)
	for {
		n := 0
		for _, err := range store.GetAll(context.Background(), "*") {
			if err != nil {
				return err
			}
			n++
		}
		fmt.Println(n)
	}
}
