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
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(doc), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Error("docs/kurrentdb.md shows no code")
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(string(source), code) {
			t.Errorf("docs/kurrentdb.md shows code that is not here:\n%s", code)
		}
	}
}
