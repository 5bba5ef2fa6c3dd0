#!/bin/sh
# compare.sh REV [PATTERN] [FOLDER...]
#
# Runs the benchmarks of REV and of this working tree in alternating turns, and
# prints new/old of the time of one operation. PATTERN is that of `go test
# -bench`, "." by default. The folders are all that have benchmarks, except those
# of integration, by default. ROUNDS (6) and BENCHTIME (300ms) are variables.
#
# "best" compares the fastest rounds, "median" the medians. A line is marked if
# both say that the new one is more than 5 % slower.
set -eu

[ $# -ge 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.."
root=$PWD
# The other commit finds the servers of this checkout on PATH.
export PATH="$root/.bin/servers/redis-7.0/bin:$PATH"
rev=$(git rev-parse --verify --quiet "$1^{commit}") || { echo "compare.sh: there is no commit $1" >&2; exit 2; }
pattern=${2:-.}
shift; [ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- $(grep -rl --include='*_test.go' '^func Benchmark' . | grep -v '^\./integration/' | xargs -n 1 dirname | sort -u)

temp=$(mktemp -d)
trap 'git worktree remove --force "$temp/tree" 2>/dev/null || true; rm -rf "$temp"' EXIT
trap 'exit 130' INT TERM
git worktree add --quiet --detach "$temp/tree" "$rev"

# build SIDE TREE FOLDER: a folder without tests on one side has no binary there.
build() {
	[ -d "$2/$3" ] || return 0
	workspace=$2/integration/go.work # the one at the root lacks some modules
	[ -e "$workspace" ] || workspace=$2/go.work # of an older commit
	(cd "$2/$3" && GOWORK="$workspace" go test -c -o "$temp/$1.$(echo "$3" | tr -c 'a-zA-Z0-9\n' _).test" .)
}

# run SIDE TREE FOLDER
run() {
	binary=$temp/$1.$(echo "$3" | tr -c 'a-zA-Z0-9\n' _).test
	[ -x "$binary" ] || return 0
	(cd "$2/$3" && TMPDIR=$temp "$binary" -test.run '^$' -test.timeout 1h -test.bench "$pattern" -test.benchtime "${BENCHTIME:-300ms}") >"$temp/out" 2>&1 ||
		{ echo "compare.sh: the $1 benchmarks of $3 fail:" >&2; cat "$temp/out" >&2; exit 1; }
	sed -n "s|^Benchmark|$1 $3 &|p" "$temp/out" >>"$temp/results"
}

: >"$temp/results"
for folder in "$@"; do
	build old "$temp/tree" "$folder"
	build new "$root" "$folder"
done
round=0
while [ "$round" -lt "${ROUNDS:-6}" ]; do
	round=$((round + 1))
	for folder in "$@"; do
		echo "round $round: $folder" >&2
		if [ $((round % 2)) -eq 1 ]; then
			run old "$temp/tree" "$folder"
			run new "$root" "$folder"
		else
			run new "$root" "$folder"
			run old "$temp/tree" "$folder"
		fi
	done
done

# Of each benchmark and side the times come in ascending order.
awk '{ for (i = 5; i <= NF; i++) if ($i == "ns/op") { sub(/-[0-9]+$/, "", $3); print $2, $3, $1, $(i - 1) } }' "$temp/results" |
	LC_ALL=C sort -k1,1 -k2,2 -k3,3 -k4,4g |
	awk '
	function middle(side,   n) { n = count[side]; return (value[side, int((n + 1) / 2)] + value[side, int(n / 2) + 1]) / 2 }
	function show() {
		if (name == "") return
		if (!count["old"] || !count["new"]) {
			printf "%-70s %30s\n", name, count["old"] ? "only in the old" : "only in the new"
		} else {
			best = value["new", 1] / value["old", 1]
			median = middle("new") / middle("old")
			worse = best > 1.05 && median > 1.05
			marked += worse
			printf "%-70s %12.4g %12.4g %8.2f %8.2f%s\n", name, value["old", 1], value["new", 1], best, median, worse ? "  slower" : ""
		}
		delete count; delete value
	}
	BEGIN { printf "%-70s %12s %12s %8s %8s\n", "new/old", "old ns/op", "new ns/op", "best", "median" }
	$1 " " $2 != name { show(); name = $1 " " $2 }
	{ value[$3, ++count[$3]] = $4 }
	END { show(); if (name == "") { print "no benchmark matches"; exit 1 } printf "%d slower by more than 5 %%\n", marked }'
