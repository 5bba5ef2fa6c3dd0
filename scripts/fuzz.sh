#!/bin/sh
# fuzz.sh TIME MODULE... runs every fuzz target of the modules for TIME each.
set -eu

time=$1
shift
for module in "$@"; do
	dirs=$(cd "$module" && go list -f '{{.Dir}}' ./...)
	echo "$dirs" | while read -r dir; do
		cat "$dir"/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' | while read -r target; do
			echo "$target in ${dir#"$PWD"/}"
			(cd "$dir" && go test . -run '^$' -fuzz "^$target\$" -fuzztime "$time" </dev/null)
		done
	done
done
