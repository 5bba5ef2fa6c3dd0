package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

// The process that sends PINGs is this binary, started again.
func TestMain(m *testing.M) {
	if err := servePingsIfAsked(context.Background()); !errors.Is(err, errNotAsked) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(leaktest.Check(m).Run())
}
