#!/usr/bin/env bash
# The benchmark: certpool against the tools that a user would choose instead, and against the limit that
# the arithmetic sets.
#
#   tests/bench/run.sh FOLDER     (`make bench` installs, builds, and calls it)
#
# Prints one table, and leaves in FOLDER: table.txt, bench-results.json, *.svg, and a folder with every
# run's files. BENCH_QUICK=1 does less work (BENCH_SIZE=tiny: hardly any, to test the benchmark itself);
# BENCH_PARTS="enroll ocsp" runs only these parts.
set -eu
here=$(dirname "$(realpath "$0")")
export LC_ALL=C

[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
die() {
	echo "bench: $1" >&2
	exit 1
}
export BENCH_SIZE=${BENCH_SIZE:-full}
[ -z "${BENCH_QUICK:-}" ] || [ "$BENCH_QUICK" = 0 ] || BENCH_SIZE=quick
case $BENCH_SIZE in
full) RUNS=3 megabytes=8000 ;;
quick) RUNS=3 megabytes=1500 ;;
tiny) RUNS=1 megabytes=50 ;;
*) die "BENCH_SIZE: expected full, quick or tiny, found $BENCH_SIZE" ;;
esac
export RUNS
parts=${BENCH_PARTS:-enroll certify messages reuse ocsp status sizes keytypes verb tls page postgresql postgresql_large failover}

for program in jq /usr/bin/time awk pgrep; do
	command -v "$program" >/dev/null || die "$program is missing: run ci/install-deps.sh bench"
done
CERTPOOL=$(realpath -e "${CERTPOOL:-build/certpool}") || die 'certpool is not built: run make bench'
PROGRAMS=$(realpath -e "${PROGRAMS:-build/tests/bench}") || die 'its programs are not built: run make bench'
export CERTPOOL PROGRAMS
# The user's own environment must not influence the figures.
for variable in $(compgen -e CERTPOOL_); do unset "$variable"; done

mkdir -p "$1"
folder=$(realpath "$1")
free=$(df -m --output=avail "$folder" | tail -n 1)
[ "$free" -ge "$megabytes" ] ||
	die "$folder: expected $megabytes MB of free space, as nothing is deleted between runs, found $free MB"
WORK=$(mktemp -d "$folder/runs-$(date -u +%Y%m%dT%H%M%S).XXX")
RAW=$WORK/raw.jsonl
export WORK RAW
: >"$RAW"

# version PROGRAM COMMAND…: prints the program's version number, or nothing if it is not installed.
version() {
	command -v "$1" >/dev/null || return 0
	"${@:2}" 2>&1 | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?[a-z]?' | head -n 1 || true
}
package_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || true; }
describe() {
	jq -n --arg size "$BENCH_SIZE" --argjson runs "$RUNS" --arg started "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
		--arg model "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		--argjson cores "$(nproc)" \
		--argjson memory "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" \
		--arg kernel "$(uname -r)" --arg filesystem "$(df --output=fstype "$folder" | tail -n 1)" \
		--arg os "$(. /etc/os-release && echo "$PRETTY_NAME")" \
		--arg certpool "$(version "$CERTPOOL" "$CERTPOOL" version)" \
		--arg gnutls "$(package_version libgnutls30)" --arg nettle "$(package_version libnettle8)" \
		--arg openssl "$(version openssl openssl version)" --arg cfssl "$(version cfssl cfssl version)" \
		--arg certtool "$(version certtool certtool --version)" --arg easyrsa "$(package_version easy-rsa)" \
		--arg sqlite "$(package_version libsqlite3-0)" --arg postgresql "$(package_version postgresql-15)" \
		'{size: $size, runs: $runs, started: $started,
		  machine: {model: $model, cores: $cores, memory_mb: $memory, kernel: $kernel,
			    filesystem: $filesystem, os: $os},
		  versions: {certpool: $certpool, openssl: $openssl, cfssl: $cfssl, certtool: $certtool,
			     "easy-rsa": $easyrsa, gnutls: $gnutls, nettle: $nettle, sqlite: $sqlite, postgresql: $postgresql}}'
}

describe >"$WORK/meta.json"
failed=0
for part in $parts; do
	echo "bench: $part (after $SECONDS s)" >&2
	bash "$here/bench_$part.sh" || { echo "bench: $part failed: see $WORK/log" >&2; failed=1; }
done

jq -n -f "$here/rows.jq" --slurpfile raw "$RAW" --slurpfile meta "$WORK/meta.json" >"$folder/bench-results.json"
jq -r -f "$here/table.jq" "$folder/bench-results.json" | tee "$folder/table.txt"
"$here/plots.sh" "$folder"
echo "bench: $SECONDS s; $folder has table.txt, bench-results.json and plots; the runs' files" \
	"($(du -sm "$WORK" | cut -f 1) MB) are in ${WORK##*/} until you remove them" >&2
exit $failed
