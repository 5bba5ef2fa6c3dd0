package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentedCodeIsThisCode: what docs/recipes.md shows is compiled in examples.
func TestDocumentedCodeIsThisCode(t *testing.T) {
	doc, err := os.ReadFile("../../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../*/*.*")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for i, block := range strings.Split(string(doc), "\n```") {
		_, code, _ := strings.Cut(block, "\n")
		if i%2 == 1 && !strings.Contains(source.String(), code+"\n") {
			t.Errorf("docs/recipes.md shows code that is not in examples:\n%s", code)
		}
	}
}
