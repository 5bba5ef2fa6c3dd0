// Package layout holds the modules to their layout: who may import whom, and
// which third-party packages each one compiles.
package layout

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "github.com/checkpointstore/checkpoint"

var update = flag.Bool("update", false, "rewrite the lists in testdata from what is compiled now")

// modules are the project's modules by their folder.
var modules = []string{".", "redisstore", "sqlitestore", "cmd/checkpoint", "examples", "integration"}

type pkg struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func list(t *testing.T, module string, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = filepath.Join("..", "..", module)
	// The lists are those of one platform, wherever the test runs.
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pkgs []pkg
	for decoder := json.NewDecoder(out); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return pkgs
}

// moduleOf is the folder of the module that a package of ours belongs to.
func moduleOf(importPath string) string {
	rel := strings.TrimPrefix(strings.TrimPrefix(importPath, root), "/")
	for _, m := range modules[1:] {
		if rel == m || strings.HasPrefix(rel, m+"/") {
			return m
		}
	}
	return "."
}

func ours(importPath string) bool {
	return importPath == root || strings.HasPrefix(importPath, root+"/")
}

// TestImports holds the direction of imports: commands import stores, stores
// import the core, the core imports the driver contract.
func TestImports(t *testing.T) {
	mayImport := map[string]func(from, imported string) bool{
		".": func(from, imported string) bool {
			return from != root+"/driver"
		},
		"redisstore":     onlyCore,
		"sqlitestore":    onlyCore,
		"cmd/checkpoint": func(_, imported string) bool { return moduleOf(imported) != "integration" },
		"examples":       onlyPublic,
		"integration":    func(_, _ string) bool { return true },
	}
	for _, module := range modules {
		for _, p := range list(t, module, "./...") {
			for _, imported := range p.Imports {
				if !ours(imported) || moduleOf(imported) == module && module != "." {
					continue
				}
				if !mayImport[module](p.ImportPath, imported) {
					t.Errorf("%s imports %s", p.ImportPath, imported)
				}
				if imported == root+"/storetest" && module != "integration" {
					t.Errorf("%s imports storetest outside its tests", p.ImportPath)
				}
			}
		}
	}
}

func onlyCore(_, imported string) bool { return imported == root || imported == root+"/driver" }

// onlyPublic is what a program of somebody else's may import.
func onlyPublic(_, imported string) bool {
	m := moduleOf(imported)
	return m != "cmd/checkpoint" && m != "integration" && !strings.Contains(imported, "/internal/")
}

// TestCoreIsStandardLibraryOnly also covers the core's tests: its go.mod has
// nothing to require.
func TestCoreIsStandardLibraryOnly(t *testing.T) {
	standard := map[string]bool{"C": true}
	for _, p := range list(t, ".", "std") {
		standard[p.ImportPath] = true
	}
	for _, p := range list(t, ".", "./...") {
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if !standard[imported] && (!ours(imported) || moduleOf(imported) != ".") {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

// TestThirdPartyPackages compares what each module compiles with a list, so
// that a new dependency is seen in review. Run with -update to rewrite it.
func TestThirdPartyPackages(t *testing.T) {
	for _, module := range modules {
		var third []string
		for _, p := range list(t, module, "-deps", "./...") {
			if !p.Standard && !ours(p.ImportPath) {
				third = append(third, p.ImportPath)
			}
		}
		slices.Sort(third)
		got := strings.Join(third, "\n")
		if got != "" {
			got += "\n"
		}
		name := strings.ReplaceAll(module, "/", "-")
		if module == "." {
			name = "core"
		}
		golden := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s compiles other packages than %s lists (go test ./integration/layout -update rewrites it).\nnow:\n%s", module, golden, got)
		}
	}
}
