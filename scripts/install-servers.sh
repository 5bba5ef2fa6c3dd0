#!/bin/sh
# Unpacks the servers that the tests start into .bin/servers, and installs nothing:
# Debian's packages of three suites, with the C library that each was built for, so
# that they run on any Linux. Without apt-get or dpkg the tests run on the
# redis-server and the postgres that are on PATH. Quick if all is there.
#
# .bin/servers/NAME/bin has redis-server, redis-cli and redis-benchmark; those of
# Valkey have Redis's names. internal/redistest finds them. A folder of
# PostgreSQL has postgres, initdb, pg_basebackup and psql, that of PgBouncer has
# pgbouncer. internal/pgtest finds them. That of etcd has etcd, and
# integration/internal/etcdtest finds it; without it, members of etcd run in the tests.
# That of Chromium has chromium-headless-shell, a browser without a window, and a font.
# That of Prometheus has promtool, which checks docs/alerts.yml.
set -eu
cd "$(dirname "$0")/.."

# Name, Debian's suite, package, and what --version of the server must contain.
servers="
redis-7.0 bookworm redis-tools  v=7.0.
redis-8   trixie   redis-tools  v=8.
valkey-9  forky    valkey-tools v=9.
postgres-15 bookworm postgresql-15 15.
postgres-18 forky postgresql-18 18.
pgbouncer-1.18 bookworm pgbouncer 1.18.
etcd-3.5 trixie etcd-server 3.5.
chromium trixie chromium-headless-shell Chromium
prometheus trixie promtool promtool
"
into=.bin/servers
keys=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

fail() {
	echo "$*" >&2
	exit 1
}

# A folder that an earlier version of this script made is incomplete without its mark.
missing=$(echo "$servers" | while read -r name _; do
	[ -z "$name" ] || [ -e "$into/$name/complete-2" ] || echo "$name"
done)
[ -n "$missing" ] || exit 0

# Without Debian's archive the tests have one server of a kind, that of the system.
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null || [ ! -r "$keys" ]; then
	for server in redis-server:redis postgres:postgresql pgbouncer:pgbouncer; do
		if ! command -v "${server%:*}" >/dev/null && command -v brew >/dev/null; then
			echo "The tests start real servers. Installing Homebrew's ${server#*:}." >&2
			brew install --quiet "${server#*:}"
		fi
	done
	for tool in redis-server redis-cli redis-benchmark postgres initdb pg_basebackup psql pgbouncer; do
		command -v "$tool" >/dev/null || fail "The tests start real servers, and $tool is missing on PATH." \
			"Install Redis 6.2 or later, PostgreSQL 13 or later and PgBouncer with your package manager and run this again."
	done
	echo "No apt-get with the keys of Debian's archive (package debian-archive-keyring):" \
		"the tests run on the servers on PATH, and not on" $missing. >&2
	exit 0
fi

echo "The tests start real servers. Unpacking Debian's packages into $into:" $missing >&2
# The folder of work is on the file system of .bin, so that mv renames: if it copied, and the
# disk was full, it would leave a part of a server, and the mark that all is there.
mkdir -p "$into"
work=$(mktemp -d "$PWD/$into/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/lists" "$work/archives" "$work/sources"

# private_apt is apt-get whose sources, lists and state are in the folder of work.
# What the system sets for apt besides, such as a proxy, still holds.
private_apt() {
	apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/sources" \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$work" -o Dir::State::status=/dev/null -o Dir::Cache="$work" \
		-o APT::Default-Release= -o APT::Sandbox::User= -o Debug::NoLocking=1 \
		-o APT::Update::Post-Invoke-Success= -o APT::Update::Error-Mode=any -o Acquire::Retries=3 "$@"
}

# closure prints the package, the clients of PostgreSQL, the files and the font of
# Chromium, and every library that they need. PostgreSQL runs without the compiler of its
# JIT, and Chromium without the drivers of graphics cards.
closure() {
	private_apt -s --no-install-recommends install "$1" |
		awk -v package="$1" '$1 == "Inst" && ($2 ~ /^(lib|zlib|postgresql-client-[0-9]|chromium-common|fonts-dejavu)/ || $2 == package) { print $2 }' |
		grep -Ev '^lib(js-|llvm|z3|perl|gl1-mesa|drm-amdgpu|drm-intel)'
}

# wrap FILE LD PROGRAM writes a script that runs a program with its own C library. The
# program looks for its files beside the script.
wrap() {
	cat >"$1" <<-END
		#!/bin/sh
		self=\$(readlink -f "\$0")
		here=\${self%/*}/$3
		export LC_ALL=C
		exec "\$here/lib/$2" --library-path "\$here/lib" --argv0 "\$self" "\$here/libexec/\${self##*/}" "\$@"
	END
	chmod +x "$1"
}

# copy_to FOLDER copies the files that it reads the names of. The -exec of find would not say
# that a copy has failed.
copy_to() {
	while read -r file; do cp -P "$file" "$1"; done
}

# redis ROOT PACKAGE LD
redis() {
	product=${2%-tools}
	for tool in cli benchmark; do cp "$1/all/usr/bin/$product-$tool" "$1/done/libexec/redis-$tool"; done
	# In Debian's packages the server is the same program as the checker of its files.
	cp -L "$1/all/usr/bin/$product-check-rdb" "$1/done/libexec/redis-server"
	for tool in server cli benchmark; do wrap "$1/done/bin/redis-$tool" "$3" ..; done
}

# postgres ROOT PACKAGE LD keeps the folders as they are in the package: the server finds
# each of its folders by the way from the others.
postgres() {
	folder=postgresql/${2#postgresql-}
	mkdir -p "$1/done/lib/$folder/bin" "$1/done/share/postgresql"
	cp -R "$1/all/usr/lib/$folder/lib" "$1/done/lib/$folder/lib"
	rm -rf "$1/done/lib/$folder/lib/bitcode"
	cp -R "$1/all/usr/share/$folder" "$1/done/share/postgresql/"
	for tool in postgres initdb pg_basebackup psql; do
		cp "$1/all/usr/lib/$folder/bin/$tool" "$1/done/libexec/$tool"
		wrap "$1/done/lib/$folder/bin/$tool" "$3" ../../../..
		ln -s "../lib/$folder/bin/$tool" "$1/done/bin/$tool"
	done
}

# pgbouncer ROOT PACKAGE LD
pgbouncer() {
	cp "$1/all/usr/sbin/pgbouncer" "$1/done/libexec/pgbouncer"
	wrap "$1/done/bin/pgbouncer" "$3" ..
}

# etcd ROOT PACKAGE LD
etcd() {
	cp "$1/all/usr/bin/etcd" "$1/done/libexec/etcd"
	wrap "$1/done/bin/etcd" "$3" ..
}

# prometheus ROOT PACKAGE LD
prometheus() {
	cp "$1/all/usr/bin/promtool" "$1/done/libexec/promtool"
	wrap "$1/done/bin/promtool" "$3" ..
}

# chromium ROOT PACKAGE LD. Chromium looks for its files beside the program of its process,
# which is ld.so, and starts more processes of this program: they take the same script. The
# sandbox is off, since it needs a program of root's.
chromium() {
	(cd "$1/all/usr/lib/chromium" && rm -rf libVk* ./*.TOC chrome_crashpad_handler && cp -R . "$1/done/lib")
	cp -P "$1"/all/usr/lib/*-linux-gnu*/pulseaudio/*.so* "$1/done/lib"
	mv "$1/done/lib/$2" "$1/done/libexec/$2"
	mkdir -p "$1/done/share/fonts"
	find "$1/all/usr/share/fonts" -name 'DejaVuSans*.ttf' | copy_to "$1/done/share/fonts"
	cat >"$1/done/share/fonts.conf" <<-END
		<?xml version="1.0"?>
		<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
		<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
	END
	cat >"$1/done/bin/$2" <<-END
		#!/bin/sh
		self=\$(readlink -f "\$0")
		here=\${self%/*}/..
		export FONTCONFIG_FILE="\$here/share/fonts.conf"
		case " \$*" in
		*" --type="*) ;;
		*) set -- --browser-subprocess-path="\$self" --no-zygote --no-sandbox "\$@" ;;
		esac
		exec "\$here/lib/$3" --library-path "\$here/lib" "\$here/libexec/$2" "\$@"
	END
	chmod +x "$1/done/bin/$2"
}

# unpack NAME SUITE PACKAGE VERSION
unpack() {
	cat >"$work/sources/debian.sources" <<-END
		Types: deb
		URIs: $mirror
		Suites: $2
		Components: main
		Targets: Packages
		Signed-By: $keys
	END
	private_apt update ||
		fail "Debian's suite $2 cannot be read from $mirror. Set DEBIAN_MIRROR to one that can," \
			"or run go test yourself: it takes the servers on PATH."
	root=$work/$1
	mkdir -p "$root/debs" "$root/all" "$root/done/bin" "$root/done/lib" "$root/done/libexec"
	packages=$(closure "$3")
	(cd "$root/debs" && private_apt download $packages) || fail "The packages of $1 cannot be downloaded."
	for deb in "$root"/debs/*.deb; do dpkg-deb -x "$deb" "$root/all"; done

	# ld.so finds these by --library-path, whatever the system has.
	(cd "$root/all" && find . -path '*/lib/*-linux-gnu*/*.so*' ! -path '*/*-linux-gnu*/*/*' | copy_to "$root/done/lib")
	ld=$(cd "$root/done/lib" && ls ld-linux*.so.*)
	case $3 in
	postgresql-*)
		server=postgres
		postgres "$root" "$3" "$ld"
		;;
	pgbouncer)
		server=pgbouncer
		pgbouncer "$root" "$3" "$ld"
		;;
	etcd-server)
		server=etcd
		etcd "$root" "$3" "$ld"
		;;
	promtool)
		server=promtool
		prometheus "$root" "$3" "$ld"
		;;
	chromium-*)
		server=$3
		chromium "$root" "$3" "$ld"
		;;
	*)
		server=redis-server
		redis "$root" "$3" "$ld"
		;;
	esac

	version=$("$root/done/bin/$server" --version) || fail "The $server of $1 does not run."
	case $version in
	*"$4"*) ;;
	*) fail "Debian's suite $2 no longer has $1 but \"$version\": change the table in scripts/install-servers.sh." ;;
	esac
	touch "$root/done/complete-2"
	rm -rf "${into:?}/$1"
	mv "$root/done" "$into/$1"
}

for name in $missing; do
	echo "$servers" | grep "^$name " >"$work/row"
	read -r name suite package version <"$work/row"
	unpack "$name" "$suite" "$package" "$version"
done
