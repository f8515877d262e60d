#!/usr/bin/env bash
# Builds the Debian packages of this tree, in a copy of it:
#
#   packaging/build-deb.sh DIRECTORY      the packages, and dpkg's account of them, in DIRECTORY
set -eu -o pipefail
directory=$(realpath -m "$1")
cd "$(dirname "$0")/.."
source=$directory/source
rm -rf "$directory"
mkdir -p "$source"
# Also what is not committed yet; what was removed and is still in the index is left out. A tree without git is taken
# whole, but for what was built in it.
list_files() {
	git -c safe.directory='*' ls-files -z --cached --others --exclude-standard 2>/dev/null ||
		find . -path './build*' -prune -o \( -type f -o -type l \) -print0
}
list_files |
	while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
	tar -c --null -T - | tar -x -C "$source"
cd "$source"
# What make passes on to this script is not for the packages.
unset MAKEFLAGS MFLAGS MAKELEVEL BUILD CERTPOOL
dpkg-buildpackage --build=binary --no-sign "--jobs=$(nproc)"
