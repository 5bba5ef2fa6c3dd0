package layout

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReliabilityNamesTests holds docs/reliability.md to tests that exist.
func TestReliabilityNamesTests(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "reliability.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := allTests(t)
	name := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+|[a-z-]+/[a-z0-9-]+)`")
	found := name.FindAllStringSubmatch(string(doc), -1)
	if len(found) < 50 {
		t.Errorf("docs/reliability.md names %d tests: is it written in another way now?", len(found))
	}
	for _, match := range found {
		if !strings.Contains(tests, "func "+match[1]+"(") && !strings.Contains(tests, `"`+match[1]+`"`) {
			t.Errorf("docs/reliability.md names %s, which is no test", match[1])
		}
	}
}

// allTests is the text of every test, and of the conformance suite.
func allTests(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".go") && filepath.Base(filepath.Dir(path)) == "storetest" {
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
