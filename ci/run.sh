#!/usr/bin/env bash
# The run of CI, on a fresh clone on a machine that may lack everything but git. It stops at the first
# failure.
set -eu
cd "$(dirname "$0")/.."

started=$SECONDS
section() {
	printf '\n=== %s (%d s)\n' "$*" $((SECONDS - started))
	"$@"
}

# Checks that install followed by uninstall leaves nothing.
install_and_uninstall() {
	local root
	root=$(mktemp -d)
	make --no-print-directory install DESTDIR="$root" PREFIX=/usr
	make --no-print-directory uninstall DESTDIR="$root" PREFIX=/usr
	rmdir "$root"
}

section ci/install-deps.sh check lint
section make check
section make check-world
section make demo
section install_and_uninstall
section make lint
section make sanitize
section make race
section make valgrind
printf '\n=== done (%d s)\n' $((SECONDS - started))
