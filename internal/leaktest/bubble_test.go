package leaktest

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestInBubbleCountsNobodyElse(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	for range 10 {
		go func() { <-end }()
	}
	synctest.Test(t, func(*testing.T) {
		before := InBubble()
		for range 3 {
			go time.Sleep(time.Hour)
		}
		synctest.Wait()
		if more := InBubble() - before; more != 3 {
			t.Errorf("with 3 goroutines more it counts %d more", more)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if more := InBubble() - before; more != 0 {
			t.Errorf("without them it counts %d more", more)
		}
	})
}
