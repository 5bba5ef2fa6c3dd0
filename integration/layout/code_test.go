package layout

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A block of Go code, and the place of its first line in the documentation.
type block struct {
	page string // from the root of the project
	line int
	code string
}

func (b block) isProgram() bool { return strings.HasPrefix(b.code, "package ") }

// codeInDocs are the blocks of Go code in pages and in doc comments.
func codeInDocs(t *testing.T) []block {
	t.Helper()
	var (
		project   = filepath.Join("..", "..")
		inPage    = regexp.MustCompile("(?ms)^ *```go\n(.*?)^ *```")
		inComment = regexp.MustCompile(`(?m)((?:^\t*//\t.*\n(?:^\t*//\n)*)+)`)
		blocks    []block
	)
	err := filepath.WalkDir(project, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		find := map[string]*regexp.Regexp{".md": inPage, ".go": inComment}[filepath.Ext(path)]
		switch {
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != project:
			return fs.SkipDir
		case d.IsDir() || find == nil:
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		page, err := filepath.Rel(project, path)
		for _, at := range find.FindAllSubmatchIndex(text, -1) {
			b := block{page, 1 + strings.Count(string(text[:at[2]]), "\n"), string(text[at[2]:at[3]])}
			if find == inComment {
				b.code = regexp.MustCompile(`(?m)^\t*//\t?`).ReplaceAllString(b.code, "")
			}
			// Doc comments also indent tables and commands, and do not say which.
			if find == inPage || regexp.MustCompile(`:=|\bfunc\b|\breturn\b`).MatchString(b.code) {
				blocks = append(blocks, b)
			}
		}
		return err
	})
	if err != nil || len(blocks) < 10 {
		t.Fatalf("%d blocks of Go code were found, %v", len(blocks), err)
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
	for _, b := range codeInDocs(t) {
		if !b.isProgram() {
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
		for path, text := range map[string]string{source: b.at(root) + b.code, overlay: string(files)} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		build := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./examples/indocs")
		build.Dir = root
		build.Env = append(os.Environ(), "GOWORK="+workspace(t))
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("the program in %s does not compile: %v\n%s", b.page, err, out)
			continue
		}
		if b.page != "README.md" {
			continue
		}
		for _, want := range []string{"the first run\norder 1\norder 2\norder 3\n", "order 4\norder 5\norder 6\n"} {
			run := exec.Command(binary)
			run.Dir = dir
			if out, err := run.CombinedOutput(); err != nil || string(out) != want {
				t.Errorf("the program in %s prints %q, %v; want %q", b.page, out, err, want)
			}
		}
	}
	if programs == 0 {
		t.Error("no page of the documentation has a program")
	}
}
