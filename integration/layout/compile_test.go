package layout

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var given = filepath.Join("testdata", "given.go")

// TestCodeInDocsCompiles checks the types of every block that is no program. Each
// block is a file of its own. The file begins with what given declares.
func TestCodeInDocsCompiles(t *testing.T) {
	text, err := os.ReadFile(given)
	if err != nil {
		t.Fatal(err)
	}
	known := block{page: "integration/layout/" + given, line: 1, code: string(text)}
	files := token.NewFileSet()
	compiled := compiledImports(t, files)
	if errs := check(files, compiled, known.at("")+known.code); errs != nil {
		t.Fatal(errs)
	}
	for _, b := range codeInDocs(t) {
		if b.isProgram() {
			continue
		}
		for _, err := range check(files, compiled, known.code+b.file()) {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.Logf("%s declares what the blocks take as known", known.page)
	}
}

// at makes errors name the line of the page.
func (b block) at(root string) string {
	return fmt.Sprintf("//line %s:%d\n", filepath.Join(root, b.page), b.line)
}

// file puts statements into a function. The function may end with them, or return an error.
func (b block) file() string {
	if regexp.MustCompile(`(?m)^ *func `).MatchString(b.code) {
		return b.at("") + b.code
	}
	return "func _() error {\n" + b.at("") + b.code + "\npanic(nil)\n}\n"
}

// check returns the errors of a file, except those about what it does not use.
func check(files *token.FileSet, compiled types.Importer, source string) []error {
	file, err := parser.ParseFile(files, "", source, parser.SkipObjectResolution)
	if err != nil {
		return []error{err}
	}
	var errs []error
	config := types.Config{Importer: compiled, Error: func(err error) {
		if problem, ok := errors.AsType[types.Error](err); !ok || !problem.Soft {
			errs = append(errs, err)
		}
	}}
	_, _ = config.Check("given", files, []*ast.File{file}, nil) // Error gets each error
	return errs
}

// compiledImports compiles what given imports.
func compiledImports(t *testing.T, files *token.FileSet) types.Importer {
	t.Helper()
	file, err := parser.ParseFile(files, given, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	list := exec.CommandContext(t.Context(), "go", args...)
	list.Env = append(os.Environ(), "GOWORK="+workspace(t))
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, export, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = export
	}
	return importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
}
