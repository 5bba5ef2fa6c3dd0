package standstill

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

// envClock makes the test binary a process with the clock in that file.
const envClock = "STANDSTILL_TEST_CLOCK"

func TestMain(m *testing.M) {
	if path, ok := os.LookupEnv(envClock); ok {
		if err := tell(path); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(leaktest.Check(m).Run())
}

// tell prints by how much the wall clock goes ahead of the monotonic clock, before and
// after a timer.
func tell(path string) error {
	clock, err := Open(path)
	if err == nil {
		err = Enter(clock)
	}
	if err != nil {
		return err
	}
	start := time.Now()
	fmt.Println("ready")
	for range time.Tick(time.Millisecond) {
		if stood := clock.Stood(); stood > 0 {
			now := time.Now()
			wall, monotonic := now.Round(0).Sub(start.Round(0)), now.Sub(start)
			fmt.Println(wall.Nanoseconds(), monotonic.Nanoseconds(), stood.Nanoseconds())
			return nil
		}
	}
	return nil
}
