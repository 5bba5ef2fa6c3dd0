package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// block is where a page shows a table. The lines of the table are replaced.
var block = regexp.MustCompile(`(<!-- bench ([a-z-]+) -->\n)(?:\|.*\n)*`)

// The tables beside those of tables.
const (
	machine   = "machine" // of the facts
	ofTargets = "targets"
)

// readPages reads the pages of a folder that have blocks, by their path. Each
// table has one place, and each place a table.
func readPages(folder string) (map[string]string, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.md"))
	if err != nil {
		return nil, err
	}
	places := map[string]int{machine: 0, ofTargets: 0}
	for _, t := range tables {
		places[t.name] = 0
	}
	pages := make(map[string]string)
	var errs []error
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for _, match := range block.FindAllStringSubmatch(string(text), -1) {
			pages[path] = string(text)
			if _, ok := places[match[2]]; !ok {
				errs = append(errs, fmt.Errorf("%s wants the table %s, and there is none", path, match[2]))
			}
			places[match[2]]++
		}
	}
	for name, n := range places {
		if n != 1 {
			errs = append(errs, fmt.Errorf("the table %s has %d places in %s, and not one", name, n, folder))
		}
	}
	return pages, errors.Join(errs...)
}

// writePages puts the tables in their places. It makes all of them before it
// writes anything.
func writePages(folder string, r *report) error {
	pages, err := readPages(folder)
	if err != nil {
		return err
	}
	text := map[string]string{machine: grid(append([][]string{{"what", "here"}}, r.facts...))}
	if text[ofTargets], err = targetTable(r); err != nil {
		return err
	}
	for _, t := range tables {
		if text[t.name], err = t.markdown(r); err != nil {
			return err
		}
	}
	for path, page := range pages {
		filled := block.ReplaceAllStringFunc(page, func(old string) string {
			match := block.FindStringSubmatch(old)
			return match[1] + text[match[2]]
		})
		if err := os.WriteFile(path, []byte(filled), 0o644); err != nil {
			return err
		}
	}
	return nil
}
