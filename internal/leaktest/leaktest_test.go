package leaktest

import (
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Check(m).Run()) }

func wait(ended <-chan struct{}) { <-ended }

func TestLeft(t *testing.T) {
	found := func() bool { return strings.Contains(strings.Join(left(lasting), ""), "leaktest.wait") }
	if found() {
		t.Error("a goroutine is found before it is started")
	}
	ended := make(chan struct{})
	started := make(chan struct{})
	go func() {
		close(started)
		wait(ended)
	}()
	<-started
	if !found() {
		t.Error("a goroutine that waits is not found")
	}
	if strings.Contains(strings.Join(left([]string{"leaktest.wait"}), ""), "leaktest.wait") {
		t.Error("a goroutine is found that was excepted")
	}
	close(ended)
}

type code int

func (c code) Run() int { return int(c) }

func TestFailureStays(t *testing.T) {
	if got := Check(code(2)).Run(); got != 2 {
		t.Errorf("tests that end with 2 end with %d", got)
	}
}
