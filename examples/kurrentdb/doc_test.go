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
	files := make(map[string]string)
	for _, name := range []string{"events.go", "logid.go", "main.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
		source.Write(text)
	}
	if !strings.Contains(string(doc), "```go\n"+files["events.go"]+"```\n") {
		t.Error("docs/kurrentdb.md does not show events.go as it is")
	}
	blocks := strings.Split(string(doc), "```go\n")[1:]
	if len(blocks) != 3 {
		t.Errorf("docs/kurrentdb.md has %d blocks of code, want 3", len(blocks))
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(source.String(), code) {
			t.Errorf("docs/kurrentdb.md shows code that is not here:\n%s", code)
		}
	}
}
