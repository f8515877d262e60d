#!/usr/bin/env bash
# Profiles the enrolment of a pool of N (10,000) P-256 keys: samples of all three processes by perf
# (Debian's linux-perf), grouped by the purpose of the code, as profile.svg and profile.txt in FOLDER.
#
#   tests/bench/profile.sh FOLDER [N]     after `make bench-programs`
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
set -e

for program in perf gnuplot; do
	command -v "$program" >/dev/null || fail "$program is missing"
done
[ $# -ge 1 ] || { echo "usage: $0 FOLDER [N]" >&2; exit 2; }
CERTPOOL=$(realpath -e "${CERTPOOL:-build/certpool}")
mkdir -p "$1"
results=$(realpath "$1")
WORK=$(mktemp -d "$results/profile-$(date -u +%Y%m%dT%H%M%S).XXX")
n=${2:-10000}
frequency=499
recorded=(perf record --quiet --event cpu-clock --freq "$frequency" --output)

# share PROCESS: prints the core seconds of each group, one line. gmp and hogweed compute the curves,
# nettle the digests and AES.
groups=(arithmetic digests GnuTLS SQLite certpool 'libc, others' kernel)
share() {
	perf script --input "$WORK/$1.perf" --fields dso,ip 2>/dev/null | awk -v hertz="$frequency" '
		function group(object) {
			if (object ~ /hogweed|gmp/) return 1
			if (object ~ /nettle/) return 2
			if (object ~ /gnutls|tasn1/) return 3
			if (object ~ /sqlite/) return 4
			if (object ~ /certpool/) return 5
			return object ~ /kernel|unknown|\[/ ? 7 : 6
		}
		match($0, /\([^()]*\)$/) { samples[group(substr($0, RSTART + 1, RLENGTH - 2))]++ }
		END { for (i = 1; i <= 7; i++) printf " %.3f", samples[i] / hertz }'
}

new_folder profile
manifest "$n" ecdsa-p256
certpool init
launcher=("${recorded[@]}" "$WORK/serve.perf")
start serve
export CERTPOOL_CA=$endpoint
for verb in request enroll; do
	timed "${recorded[@]}" "$WORK/$verb.perf" -- "$CERTPOOL" "$verb" client1
	printf '%s %s\n' "$verb" "$(share "$verb")"
done >"$WORK/shares"
mapfile -t served < <(pgrep -P "$server")
kill "${served[@]}"
wait "$server" || true
printf 'serve %s\n' "$(share serve)" >>"$WORK/shares"

{
	echo "process: core seconds in ${groups[*]/%/,}"
	cat "$WORK/shares"
} | tee "$results/profile.txt"
gnuplot <<-END
	set terminal svg size 860,300 font "sans-serif,12" background "white"
	set output "$results/profile.svg"
	set title 'a pool of $n P-256 keys on $cores cores: core seconds of each process'
	set ylabel 'core seconds'
	set yrange [0:*]
	set grid ytics lc rgb "#dddddd"
	set key outside right invert
	set style data histograms
	set style histogram rowstacked
	set style fill solid 0.8
	set boxwidth 0.6
	plot '$WORK/shares' using 2:xtic(1) title '${groups[0]}', '' using 3 title '${groups[1]}', \
		'' using 4 title '${groups[2]}', '' using 5 title '${groups[3]}', \
		'' using 6 title '${groups[4]}', '' using 7 title '${groups[5]}', '' using 8 title '${groups[6]}'
END
