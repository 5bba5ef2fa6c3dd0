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
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "github.com/checkpointstore/checkpoint"

var update = flag.Bool("update", false, "rewrite the lists in testdata from what is compiled now")

// modules are the project's modules by their folder.
var modules = []string{".", "redisstore", "sqlitestore", "pgstore", "etcdstore", "kurrentdb", "otelcheckpoint", "promcheckpoint", "cmd/checkpoint/full", "cmd/checkpoint", "examples", "integration"}

type pkg struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// workspace is the one of all modules.
func workspace(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func list(t *testing.T, module string, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = filepath.Join("..", "..", module)
	// The lists are those of one platform, wherever the test runs.
	cmd.Env = append(os.Environ(), "GOWORK="+workspace(t), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
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

// public is what a program of somebody else's may import. Tests may import more.
var public = []string{".", "driver", "etcdstore", "group", "keeper", "kurrentdb", "memstore", "otelcheckpoint", "pgstore", "promcheckpoint", "redisstore", "sqlitestore", "subscription", "tracker"}

// layers says what the packages in each folder import of the project, beside
// others in that folder. "." is the core package. No arrow runs back up.
var layers = map[string][]string{
	"driver": {},
	"cell":   {"driver"},

	"memstore":    {"driver", "cell"},
	"etcdstore":   {"driver", "cell"},
	"pgstore":     {"driver", "cell"},
	"redisstore":  {"driver", "cell"},
	"sqlitestore": {"driver", "cell"},

	".":            {"driver"},
	"tracker":      {"."},
	"keeper":       {".", "internal/clock"},
	"kurrentdb":    {"."},
	"subscription": {".", "internal/clock", "internal/instance", "keeper", "tracker"},
	"group":        {".", "driver", "internal/instance", "keeper", "subscription"},

	"otelcheckpoint": {".", "internal/metrics", "subscription"},
	"promcheckpoint": {".", "internal/metrics", "subscription"},

	"internal/clock":    {}, // it, internal/instance and internal/metrics, of all internal, are not for tests
	"internal/instance": {},
	"internal/metrics":  {".", "subscription"},

	"internal":  {"."},
	"storetest": {".", "driver", "internal"},

	"internal/metricstest": {".", "driver", "memstore", "subscription"},

	"cmd/checkpoint": public,
	"examples":       public,
	"integration":    append([]string{"internal", "storetest"}, public...),
}

// layerOf is the folder in layers that a package of ours belongs to, or "".
func layerOf(importPath string) string {
	if importPath == root {
		return "."
	}
	for folder := strings.TrimPrefix(importPath, root+"/"); folder != "."; folder = path.Dir(folder) {
		if _, ok := layers[folder]; ok {
			return folder
		}
	}
	return ""
}

// TestImports holds the direction of imports.
func TestImports(t *testing.T) {
	for _, module := range modules {
		for _, p := range list(t, module, "./...") {
			from := layerOf(p.ImportPath)
			if from == "" {
				t.Errorf("%s has no place in layers", p.ImportPath)
			}
			for _, imported := range p.Imports {
				to := layerOf(imported)
				if ours(imported) && to != from && !slices.Contains(layers[from], to) {
					t.Errorf("%s imports %s", p.ImportPath, imported)
				}
			}
		}
	}
}

// TestOracleIsIndependent: two statements of one rule find each other's mistakes.
func TestOracleIsIndependent(t *testing.T) {
	for _, p := range list(t, "integration", "./histories") {
		if slices.Contains(slices.Concat(p.Imports, p.TestImports, p.XTestImports), root+"/cell") {
			t.Errorf("%s imports package cell, whose rule its model must state by itself", p.ImportPath)
		}
	}
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

// TestThePageIsStandardLibraryOnly: a server that mounts the page compiles nothing of the
// command's besides.
func TestThePageIsStandardLibraryOnly(t *testing.T) {
	for _, p := range list(t, "cmd/checkpoint", "-deps", "./web") {
		if !p.Standard && !ours(p.ImportPath) {
			t.Errorf("package web compiles %s", p.ImportPath)
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
			t.Errorf("%s compiles other packages than %s lists (go test ./layout -update in integration rewrites it).\nnow:\n%s", module, golden, got)
		}
	}
}
