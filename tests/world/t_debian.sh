#!/usr/bin/env bash
# Debian packages of this tree: built twice to the same octets, without a complaint of lintian; installed, used,
# upgraded, removed and purged in a Debian that debootstrap makes (debian_copy.sh), which ends with the test; and the
# image of the Dockerfile, as far as there is no docker needed.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
tree=$(realpath "$(dirname "$0")/../..")
. "$tree/tests/e2e/lib.sh"

check 'what builds packages is installed' "$tree/ci/install-deps.sh" deb

# The machine to install them on, made while they are built. It is in memory, and gone with its namespace: a Debian, of
# the mirror that apt has, or without that a copy of this machine. With a line of standard input it goes on to use the
# packages in needed/; without, this script has ended.
mkdir memory
cat >machine.sh <<-'END'
	set -e
	prepare() { # FOLDER
		mount -t proc none "$1/proc" && mount --rbind /dev "$1/dev" && mount -t tmpfs none "$1/tmp" &&
			cp -r needed "$1/tmp/" &&
			# A container has a file of its own mounted there, which a copy lacks.
			cat /etc/resolv.conf >"$1/etc/resolv.conf"
	}
	# All that comes over the network comes now: without it, there is the copy.
	fetch() {
		timeout 240 chroot $machine sh -ec "apt-get -qq update; apt-get -qq -y --no-install-recommends install jq
			apt-get -qq -y --no-install-recommends --download-only install /tmp/needed/build/deb/certpool*.deb" </dev/null
	}
	mount -t tmpfs none memory
	. /etc/os-release
	timeout 240 debootstrap --variant=minbase "$VERSION_CODENAME" memory/debian "$1" </dev/null >debian.log 2>&1 || touch no-debian
	read -r _
	machine=memory/debian
	if [ -e no-debian ] || ! { prepare $machine && fetch; } >>debian.log 2>&1; then
		echo "# in a copy of this machine: $(tail -n 1 debian.log)"
		machine=memory/copy
		mkdir memory/upper memory/work $machine
		mount -t overlay -o lowerdir=/,upperdir=memory/upper,workdir=memory/work none $machine
		prepare $machine
		command -v systemd-sysusers >>debian.log || chroot $machine apt-get -qq update >>debian.log 2>&1
	fi
	touch prepared
	TMPDIR=/tmp exec chroot $machine bash /tmp/needed/debian_copy.sh </dev/null
END
# shellcheck disable=SC2016 # apt expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | sed -n 1p)
exec 9> >(exec unshare --mount --pid --fork --kill-child bash machine.sh "$mirror" >machine.out 2>&1)
machine=$!

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

mkdir -p needed.new/build/deb
cp "$tree/tests/world/debian_copy.sh" "$tree/tests/e2e/lib.sh" "$tree/Dockerfile" "$tree/README.md" needed.new/
cp first/deb/*.deb needed.new/build/deb/
mv needed.new needed
# Where no machine can be made nobody reads it, and who writes is not to end by that.
(trap '' PIPE && echo 'they are built' >&9) 2>check.log
exec 9>&-
wait "$machine" || [ ! -e prepared ] || failures=$((failures + 1))
cat machine.out

if [ -e prepared ]; then
	check 'the machine came to its end' grep -qx 'ok - it ends at the signal that docker sends' machine.out
else
	skip 'installed, used, upgraded, removed and purged' "no machine: $(tail -n 1 machine.out)"
fi
