#!/bin/sh
# Makes sure that redis-server, redis-cli and redis-benchmark are on PATH: the
# tests start servers of their own from them.
set -eu

missing=""
for tool in redis-server redis-cli redis-benchmark; do
	command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
[ -n "$missing" ] || exit 0

why="The tests talk to real Redis servers that they start themselves; missing here:$missing."

if command -v apt-get >/dev/null 2>&1; then
	root=""
	if [ "$(id -u)" != 0 ]; then
		if ! command -v sudo >/dev/null 2>&1; then
			echo "$why Run as root: apt-get install redis-server redis-tools" >&2
			exit 1
		fi
		root="sudo"
	fi
	echo "$why Installing Debian's packages redis-server and redis-tools." >&2
	$root apt-get update -qq
	$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server redis-tools >/dev/null
	# The package starts a service on port 6379. Nothing here needs it.
	if command -v systemctl >/dev/null 2>&1; then
		$root systemctl disable --now redis-server >/dev/null 2>&1 || true
	fi
elif command -v brew >/dev/null 2>&1; then
	echo "$why Installing Homebrew's redis." >&2
	brew install --quiet redis
else
	echo "$why Install Redis 6.2 or later with your package manager and run this again." >&2
	exit 1
fi

for tool in redis-server redis-cli redis-benchmark; do
	command -v "$tool" >/dev/null 2>&1 || {
		echo "The installation went through, but $tool is still not on PATH." >&2
		exit 1
	}
done
