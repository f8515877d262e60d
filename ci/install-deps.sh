#!/usr/bin/env bash
# Installs the Debian 12 packages that a group of targets needs, and nothing else:
#
#   ci/install-deps.sh [build|check|world|lint|deb|bench]...      default: build
#
# Prints the packages that it installs. If none is missing, it prints nothing and needs no root.
set -eu

usage() {
	echo "usage: $0 [build|check|world|lint|deb|bench]..." >&2
	exit 2
}

fail() {
	echo "install-deps: $1" >&2
	exit 1
}

build='gcc libc6-dev make pkg-config libgnutls28-dev nettle-dev libgmp-dev libyaml-dev libjansson-dev
	libmicrohttpd-dev libcurl4-gnutls-dev libsqlite3-dev libseccomp-dev'
# libc6-dbg: valgrind cannot start without the symbols of the dynamic loader.
check="$build libcriterion-dev openssl gnutls-bin jose curl jq sqlite3 strace time
	valgrind libc6-dbg gcovr procps softhsm2 postgresql"
# Other people's servers and clients, large: not needed by make check.
world="$build openssl curl jq time procps util-linux nginx-light postgresql libnss3-tools testssl.sh mosquitto mosquitto-clients openvpn python3 strongswan-pki libstrongswan-standard-plugins
	sqlite3 certbot lego dehydrated chromium chromium-driver fonts-dejavu-core patroni python3-pyasn1-modules zsh fish debootstrap btrfs-progs"
lint="$build libcriterion-dev clang clang-format clang-tidy libclang-rt-14-dev cppcheck shellcheck mandoc"
# dpkg-buildpackage and the lint of its packages.
deb="$build dpkg-dev debhelper fakeroot lintian"
bench="$build openssl jq time procps"
# The tools that certpool is compared with, and gnuplot: the benchmark also runs without them.
peers='golang-cfssl sqlite3 curl gnutls-bin easy-rsa gnuplot-nox postgresql'

# Prints the packages of one group. Node and npm may be installed already from another source.
packages_of() {
	case $1 in
	build) echo "$build" ;;
	check)
		echo "$check"
		command -v node >/dev/null && command -v npm >/dev/null || echo nodejs npm ca-certificates
		;;
	world)
		echo "$world"
		command -v node >/dev/null || echo nodejs
		;;
	lint) echo "$lint" ;;
	deb) echo "$deb" ;;
	bench) echo "$bench" ;;
	*) usage ;;
	esac
}

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

[ $# -gt 0 ] || set -- build
wanted=
for group; do
	wanted="$wanted $(packages_of "$group")" || exit 2
done

missing=()
for package in $(echo "$wanted" | tr -s ' \t' '\n' | sort -u); do
	installed "$package" || missing+=("$package")
done
missing_peers=()
if [[ " $* " == *' bench '* ]]; then
	for package in $peers; do installed "$package" || missing_peers+=("$package"); done
fi
all_missing=("${missing[@]}" "${missing_peers[@]}")
[ ${#all_missing[@]} -gt 0 ] || exit 0

# Fails, unless only peers are missing.
give_up() {
	[ ${#missing[@]} -eq 0 ] || fail "$1"
	echo "install-deps: $1; goes on without ${missing_peers[*]}"
	exit 0
}

echo "install-deps: $*: installs ${all_missing[*]}"
command -v apt-get >/dev/null ||
	give_up "there is no apt-get here (Debian 12 is expected): install what these hold by other means, then run make with INSTALL_DEPS=:"
as_root=(env)
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		give_up 'this needs root: run it as root, or install sudo'
	as_root=(sudo env)
fi
if [[ " ${missing[*]} " == *' libcurl4-gnutls-dev '* ]] && installed libcurl4-openssl-dev; then
	echo 'install-deps: libcurl4-gnutls-dev replaces libcurl4-openssl-dev: they cannot both be installed'
fi

"${as_root[@]}" apt-get update -qq || give_up 'apt-get update failed (see above)'
install_packages() {
	"${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 "$@" >/dev/null </dev/null
}
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}" || fail 'apt-get install failed (see above)'
for package in "${missing_peers[@]}"; do
	install_packages "$package" ||
		echo "install-deps: $package cannot be installed (see above): make bench goes on without it"
done
