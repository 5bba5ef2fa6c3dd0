package web

import (
	"bytes"
	"html"
	"testing"
)

// TestCarriageReturn: to a viewer, a CR ends a line of an event, as LF does.
func TestCarriageReturn(t *testing.T) {
	got := eventOf([]byte("a\r\rb\r\nc\n"))
	if bytes.ContainsRune(got, '\r') || html.UnescapeString(string(got)) != "data: a\r\rb\r\ndata: c\n\n" {
		t.Errorf("the event is %q", got)
	}
}
