# shellcheck shell=bash disable=SC2034
# The functions of the benchmark's parts, bench_*.sh. run.sh sets for them:
#
#   CERTPOOL, PROGRAMS   the program, and the folder of load, limits, empty_server, status_question
#   WORK                 the folder of this benchmark, with a folder for every measured run
#   RAW                  the file of all figures, one JSON object a line
#   BENCH_SIZE           full, quick or tiny: the amount of work; RUNS: the number of runs
#
# Nothing is deleted between runs: on ext4, creating files is several times slower for a while after
# many deletions. Files of unmeasured steps are synced before a measured step.
# (SC2034: the variables that this file sets are for the parts.)
set -u
export LC_ALL=C
cores=$(nproc)

# size FULL QUICK TINY: prints the argument for BENCH_SIZE.
size() {
	case $BENCH_SIZE in
	full) echo "$1" ;;
	quick) echo "$2" ;;
	*) echo "$3" ;;
	esac
}

# say TEXT…: prints progress; fail TEXT…: prints it and returns false.
say() { echo "bench: $*" >&2; }
fail() {
	say "$@"
	return 1
}

# new_folder NAME: makes a fresh folder, and sets $folder.
new_folder() {
	folder=$(mktemp -d "$WORK/$1.XXXXXX")
}

# timed COMMAND…: runs the command, and sets $seconds to its wall time, $peak_kb to its peak memory and $cpu_s to the
# seconds of CPU that it used.
# Its output is stored beside its working folder.
timed() {
	local begun user_s system_s
	sync
	begun=$EPOCHREALTIME
	/usr/bin/time -q -f '%M %U %S' -o "$WORK/peak" "$@" >>"$WORK/log" 2>&1 ||
		{ fail "failed (see $WORK/log): ${*:1:3} …"; return; }
	since "$begun"
	read -r peak_kb user_s system_s < <(tail -n 1 "$WORK/peak")
	cpu_s=$(add "$user_s" "$system_s")
}

# timed_here FUNCTION…: the same for a function, without its memory.
timed_here() {
	local begun
	sync
	begun=$EPOCHREALTIME
	"$@" >>"$WORK/log" 2>&1 || { fail "failed (see $WORK/log): $*"; return; }
	since "$begun"
}

# since TIME: sets $seconds to the seconds since TIME.
since() {
	seconds=$(awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.6f", to - from }')
}
add() { awk 'BEGIN { for (i = 1; i < ARGC; i++) sum += ARGV[i]; printf "%.6f", sum }' "$@"; }

# record SUBJECT SIDE N SECONDS [MORE]: records one run. MORE is a JSON object with other figures.
record() {
	jq -nc --arg subject "$1" --arg side "$2" --argjson n "$3" --argjson seconds "$4" \
		--argjson more "${5:-{\}}" \
		'{subject: $subject, side: $side, n: $n, seconds: $seconds, rate: ($n / $seconds)} + $more' >>"$RAW"
}

# absent SUBJECT SIDE WHY: records that the side cannot be measured.
absent() {
	say "$1: $2: $3"
	jq -nc --arg subject "$1" --arg side "$2" --arg why "$3" \
		'{subject: $subject, side: $side, absent: $why}' >>"$RAW"
}

# needs SUBJECT SIDE PROGRAM…: whether all programs are installed; if not, records the side as missing.
needs() {
	local subject=$1 side=$2 program
	shift 2
	for program; do
		command -v "$program" >/dev/null && continue
		absent "$subject" "$side" "missing: $program"
		return 1
	done
}

# attempt SUBJECT SIDE FUNCTION…: one run; a failure is recorded, and the benchmark continues.
attempt() {
	local subject=$1 side=$2
	shift 2
	say "$subject: $side"
	"$@" || absent "$subject" "$side" 'failed'
}

# limits TYPE: measures Nettle's speed at this moment of the benchmark.
limits() {
	local found
	found=$("$PROGRAMS/limits" "$(size 0.5 0.2 0.02)" "$1") || { fail 'limits failed'; return; }
	jq -c '{subject: "limits", nettle, cores} + (.types | to_entries[0] | {side: .key} + .value)' \
		<<<"$found" >>"$RAW"
}

# load OPTIONS…: runs the load generator, and sets $loaded to its figures, as JSON.
load() {
	loaded=$("$PROGRAMS/load" "$@" 2>>"$WORK/log") || fail "load failed (see $WORK/log): ${*: -1}"
}

# certpool VERB…: runs certpool in $folder.
certpool() { (cd "$folder" && exec "$CERTPOOL" "$@") >>"$WORK/log" 2>&1; }

# manifest N TYPE: prints a manifest with a CA and two clients; the first has the pool. Servers take
# any free port.
manifest() {
	cat >"$folder/manifest.yaml" <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0", key: $2, ocsp: {requests_per_minute: 60000000}}
		clients:
		  client1:
		    pool: {size: $1, key: $2}
		    policy: {certificates: 10000000, requests_per_minute: 1000000}
		  client2: {pool: {size: 1, key: $2}, endpoint: "http://127.0.0.1:0"}
	END
	export CERTPOOL_MANIFEST=$folder/manifest.yaml
}

servers=()
# Stops the servers' children too: openssl's responder notices the signal only when a child ends.
stop_all() {
	local server
	for server in "${servers[@]}"; do
		mapfile -t children < <(pgrep -P "$server")
		kill "$server" "${children[@]}" 2>/dev/null
	done
	for server in "${servers[@]}"; do wait "$server" 2>/dev/null; done
}
trap stop_all EXIT

# start VERB…: starts one of certpool's servers, through the command in $launcher, if any; sets
# $endpoint to its URL, and $server to its process.
launcher=()
start() {
	rm -f "$folder/ready"
	mkfifo "$folder/ready"
	(cd "$folder" && exec "${launcher[@]}" "$CERTPOOL" "$@" --ready 7 7>ready >"$1.out" 2>"$1.err") &
	server=$!
	servers+=("$server")
	endpoint=
	read -r -t 60 endpoint <"$folder/ready" || fail "certpool $1 does not start: $folder/$1.err"
}

# stop PROCESS: stops it, and sets $peak_kb to its peak memory.
stop() {
	peak_kb=$(awk '/^VmHWM/ { print $2 }' "/proc/$1/status")
	kill "$1"
	wait "$1" 2>/dev/null
}

# wait_until COMMAND…: waits until the command succeeds, ten seconds at most.
wait_until() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" && return
		sleep 0.1
	done
	fail "waited in vain for: $*"
}

# free_port: sets $port to an unused port, for programs that cannot choose one themselves.
free_port() {
	local i
	for ((i = 0; i < 100; i++)); do
		port=$((20000 + RANDOM % 10000))
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
	done
	fail 'no free port'
}

# at_a_time LOOPS FUNCTION N: runs the function in LOOPS processes at once; its arguments are the
# process's first member, the step to its next member, and N.
at_a_time() {
	local i loop running=()
	for ((i = 1; i <= $1; i++)); do
		"$2" "$i" "$1" "$3" &
		running+=($!)
	done
	for loop in "${running[@]}"; do wait "$loop" || return; done
}

# enroll_pool SUBJECT N TYPE: makes and enrolls a pool, in a folder of its own. Measured: keys and
# requests, then the exchange between the client and the CA, each a process; the CA runs already.
enroll_pool() {
	local request_s request_kb enroll_s enroll_kb
	new_folder "certpool-$1-$2"
	manifest "$2" "$3"
	certpool init && start serve || return
	export CERTPOOL_CA=$endpoint
	timed "$CERTPOOL" request client1 || return
	request_s=$seconds request_kb=$peak_kb
	timed "$CERTPOOL" enroll client1 || return
	enroll_s=$seconds enroll_kb=$peak_kb
	stop "$server"
	[ "$(find "$folder/client1/cert" -name 'cert_key*.crt' | wc -l)" -eq "$2" ] ||
		{ fail "not all of the $2 certificates came"; return; }
	record "$1" certpool "$2" "$(add "$request_s" "$enroll_s")" "$(printf \
		'{"type":"%s","request_s":%s,"enroll_s":%s,"request_kb":%s,"enroll_kb":%s,"serve_kb":%s}' \
		"$3" "$request_s" "$enroll_s" "$request_kb" "$enroll_kb" "$peak_kb")"
}

# An openssl CA in $folder: ca.key and ca.crt, P-256, as certpool's default.
make_openssl_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$folder/ca.key" \
		-out "$folder/ca.crt" -subj "/CN=Root CA" -days 3650 2>>"$WORK/log"
}

# enroll_for_messages CLIENT…: certifies their pools. A receiver, client2, has cached client1's 20 certificates, and
# there is a message of 1 KiB.
enroll_for_messages() {
	local client member
	certpool init && start serve || return
	export CERTPOOL_CA=$endpoint
	for client; do
		certpool request "$client" && certpool enroll "$client" || return
	done
	stop "$server"
	start receive client2 --listen http://127.0.0.1:0 || return
	export CERTPOOL_ENDPOINT=$endpoint
	head -c 1024 /dev/urandom >"$folder/message"
	for member in $(seq 20); do
		certpool send client1 client2 --member "$member" --file message || return
	done
}
