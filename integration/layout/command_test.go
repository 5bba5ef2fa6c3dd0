package layout

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCommandsInDocs asks the command for the help of each command that a page
// shows. The help must name the flags that the page uses.
func TestCommandsInDocs(t *testing.T) {
	binary := buildCommand(t)
	help := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), binary, append(args, "--help")...).Output()
		if err != nil {
			t.Fatalf("checkpoint %v --help: %v", args, err)
		}
		return string(out)
	}
	global := help()
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	helps, uses := make(map[string]string), 0
	for _, page := range append(pages, filepath.Join("..", "..", "README.md")) {
		for _, use := range commandsIn(t, page) {
			uses++
			name, flags := use[1], regexp.MustCompile(`\s(--?[a-z][a-z-]*)`).FindAllStringSubmatch(use[2], -1)
			if _, ok := helps[name]; !ok {
				helps[name] = help(name)
			}
			if helps[name] == global {
				t.Errorf("%s shows checkpoint %s, which is no command", filepath.Base(page), name)
				continue
			}
			words := strings.FieldsFunc(helps[name]+global, func(r rune) bool { return strings.ContainsRune(" ,\n", r) })
			for _, flag := range flags {
				if !slices.Contains(words, flag[1]) {
					t.Errorf("%s shows checkpoint %s %s, and the help names no such flag", filepath.Base(page), name, flag[1])
				}
			}
		}
	}
	if uses < 20 {
		t.Errorf("%d uses of the command were found", uses)
	}
}

// commandsIn finds the command's uses in blocks for a shell and in prose: the
// command's name, and what follows.
func commandsIn(t *testing.T, page string) [][]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	uses := regexp.MustCompile("`checkpoint ([a-z]+)([^`]*)`").FindAllStringSubmatch(prose(t, page), -1)
	inShell := regexp.MustCompile(`(?m)(?:^ *(?:\$ )?|[|&] |/)checkpoint ([a-z]+)((?:\\\n|[^#|\n])*)`)
	for _, shell := range regexp.MustCompile("(?ms)^ *```(?:sh|console)\n(.*?)^ *```").FindAllStringSubmatch(string(text), -1) {
		uses = append(uses, inShell.FindAllStringSubmatch(shell[1], -1)...)
	}
	return uses
}

func buildCommand(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "checkpoint")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/checkpoint")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "GOWORK="+workspace(t))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}
