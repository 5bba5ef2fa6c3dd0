#!/bin/sh
# fuzz.sh TIME MODULE... runs every fuzz target of the modules for TIME each.
set -eu

time=$1
shift
for module in "$@"; do
	grep -rl --include='*_test.go' '^func Fuzz' "$module" | while read -r file; do
		# The root module holds the others in its folders.
		if [ "$module" = . ] && [ -e "$(dirname "$file")/go.mod" ]; then continue; fi
		sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | while read -r target; do
			echo "$target in $(dirname "$file")"
			go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$time" </dev/null
		done
	done
done
