package main

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentedCodeIsThisCode: what docs/kurrentdb.md shows is compiled here.
func TestDocumentedCodeIsThisCode(t *testing.T) {
	doc, err := os.ReadFile("../../docs/kurrentdb.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range []string{"main.go", "segments.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	blocks := strings.Split(string(doc), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Error("docs/kurrentdb.md shows no code")
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(source.String(), code) {
			t.Errorf("docs/kurrentdb.md shows code that is not here:\n%s", code)
		}
	}
}
