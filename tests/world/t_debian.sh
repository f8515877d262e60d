#!/usr/bin/env bash
# Debian packages of this tree: built twice to the same octets, without a complaint of lintian; installed, used,
# upgraded, removed and purged in a copy of this machine (debian_copy.sh), which ends with the test; and the image of
# the Dockerfile, as far as there is no docker needed.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
tree=$(realpath "$(dirname "$0")/../..")
. "$tree/tests/e2e/lib.sh"

check 'what builds packages is installed' "$tree/ci/install-deps.sh" deb
# Files that are younger get this time: it is past, also where the clock is wrong.
export SOURCE_DATE_EPOCH=1700000000
expect 0 'make deb' make --no-print-directory -C "$tree" deb "BUILD=$folder/first" INSTALL_DEPS=:
# Elsewhere, at another time, by somebody of other habits.
expect 0 'and once more' env TZ=Pacific/Auckland LC_ALL=C.UTF-8 bash -c \
	"umask 027; exec make --no-print-directory -C '$tree' deb BUILD='$folder/once/more' INSTALL_DEPS=:"
packages=$(cd first/deb && echo certpool*.deb)
for package in $packages; do
	check "$package has the same octets" cmp "first/deb/$package" "once/more/deb/$package"
done
equal 'the packages' 'certpool certpool-ca certpool-dbgsym' "$(xargs -n 1 <<<"$packages" | cut -d _ -f 1 | sort | xargs)"
equal 'their version is the program'"'"'s' "certpool $(dpkg-deb -f first/deb/certpool_*.deb Version)" "$("$certpool" version)"
expect 0 'lintian' lintian --fail-on error,warning first/deb/*.changes
silent 'has nothing to say'
equal 'a page for each verb is in the package' "$("$certpool" help | grep -cE '^  [a-z-]+ ')" \
	"$(dpkg-deb -c first/deb/certpool_*.deb | grep -c '/man1/certpool-[a-z-]*\.1\.gz$')"

# What the copy writes is in memory, and gone with its namespace. /work in it is what the script below needs.
mkdir memory needed
cp "$tree/tests/world/debian_copy.sh" "$tree/tests/e2e/lib.sh" "$tree/Dockerfile" first/deb/certpool_*.deb first/deb/certpool-ca_*.deb needed/
cat >copy.sh <<-'END'
	set -e
	mount -t tmpfs none memory
	mkdir memory/upper memory/work memory/root
	mount -t overlay -o lowerdir=/,upperdir=memory/upper,workdir=memory/work none memory/root
	cd memory/root
	mount -t proc none proc
	mount --rbind /dev dev
	mount -t tmpfs none tmp
	cp -r ../../needed tmp/
	# A container has a file of its own mounted there, which a copy lacks.
	cat /etc/resolv.conf >etc/resolv.conf
	export TMPDIR=/tmp
	[ $# -eq 0 ] || exec chroot . "$@"
END
in_copy() { unshare --mount --pid --fork --kill-child bash copy.sh "$@"; }
if ! in_copy 2>copy.err; then
	skip 'installed, used, upgraded, removed and purged' "no copy of this machine: $(tail -n 1 copy.err)"
	exit
fi
in_copy bash /tmp/needed/debian_copy.sh >copy.out 2>&1 || failures=$((failures + 1))
cat copy.out
check 'the copy came to its end' grep -qx 'ok - it ends at the signal that docker sends' copy.out
