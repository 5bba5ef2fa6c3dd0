package layout

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// codeInDocs are the blocks of Go code of the README and of each page of docs.
func codeInDocs(t *testing.T) map[string]string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := make(map[string]string)
	block := regexp.MustCompile("(?ms)^( *)```go\n(.*?)^ *```")
	for _, page := range append(pages, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, match := range block.FindAllStringSubmatch(string(text), -1) {
			blocks[fmt.Sprintf("%s, block %d", filepath.Base(page), i+1)] = match[2]
		}
	}
	return blocks
}

// TestProgramsInDocs builds each program, and runs that of the README twice.
func TestProgramsInDocs(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	programs := 0
	for name, code := range codeInDocs(t) {
		if !strings.Contains(code, "func main() {") {
			continue
		}
		programs++
		dir := t.TempDir()
		source, overlay, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "program")
		files, err := json.Marshal(map[string]map[string]string{
			"Replace": {filepath.Join(root, "examples", "indocs", "main.go"): source},
		})
		if err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string][]byte{source: []byte(code), overlay: files} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		build := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./examples/indocs")
		build.Dir = root
		build.Env = append(os.Environ(), "GOWORK="+workspace(t))
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("%s does not compile: %v\n%s", name, err, out)
			continue
		}
		if !strings.HasPrefix(name, "README.md") {
			continue
		}
		for _, want := range []string{"the first run\norder 1\norder 2\norder 3\n", "order 4\norder 5\norder 6\n"} {
			run := exec.Command(binary)
			run.Dir = dir
			if out, err := run.CombinedOutput(); err != nil || string(out) != want {
				t.Errorf("%s prints %q, %v; want %q", name, out, err, want)
			}
		}
	}
	if programs == 0 {
		t.Error("no page of the documentation has a program")
	}
}

// TestCodeInDocsIsGo parses every block: a file, declarations, or statements.
func TestCodeInDocsIsGo(t *testing.T) {
	for name, code := range codeInDocs(t) {
		forms := []string{code, "package p\n" + code, "package p\nfunc f() {\n" + code + "\n}"}
		if !slices.ContainsFunc(forms, func(form string) bool {
			_, err := parser.ParseFile(token.NewFileSet(), "", form, 0)
			return err == nil
		}) {
			t.Errorf("%s is no Go code:\n%s", name, code)
		}
	}
}
