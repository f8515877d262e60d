# shellcheck shell=bash disable=SC2034
# What the parts of the benchmark share. run.sh sets, and each bench_*.sh finds:
#
#   CERTPOOL, PROGRAMS   the program, and the folder of load, limits, empty_server, status_question
#   WORK                 the folder of this benchmark, in which every measured run has one of its own
#   RAW                  where every figure goes, one JSON object a line
#   BENCH_SIZE           full, quick or tiny: how much of everything; RUNS: how often
#
# Nothing is deleted between runs: on ext4, files are made several times slower for a while after many
# were deleted. What is not measured is synced away before what is.
# (SC2034: the variables that it sets are for the parts.)
set -u
export LC_ALL=C
cores=$(nproc)

# size FULL QUICK TINY: prints the one that this benchmark is for.
size() {
	case $BENCH_SIZE in
	full) echo "$1" ;;
	quick) echo "$2" ;;
	*) echo "$3" ;;
	esac
}

# say TEXT…: progress; fail TEXT…: the same, and false.
say() { echo "bench: $*" >&2; }
fail() {
	say "$@"
	return 1
}

# new_folder NAME: a fresh one, in $folder.
new_folder() {
	folder=$(mktemp -d "$WORK/$1.XXXXXX")
}

# timed COMMAND…: its wall time is in $seconds then, its peak memory in $peak_kb. Its output is kept
# beside the folder it works in.
timed() {
	local begun
	sync
	begun=$EPOCHREALTIME
	/usr/bin/time -q -f %M -o "$WORK/peak" "$@" >>"$WORK/log" 2>&1 ||
		{ fail "failed (see $WORK/log): ${*:1:3} …"; return; }
	since "$begun"
	peak_kb=$(tail -n 1 "$WORK/peak")
}

# timed_here FUNCTION…: the same for a function.
timed_here() {
	local begun
	sync
	begun=$EPOCHREALTIME
	"$@" >>"$WORK/log" 2>&1 || { fail "failed (see $WORK/log): $*"; return; }
	since "$begun"
}

# since TIME: the seconds since then are in $seconds.
since() {
	seconds=$(awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.6f", to - from }')
}
add() { awk 'BEGIN { for (i = 1; i < ARGC; i++) sum += ARGV[i]; printf "%.6f", sum }' "$@"; }

# record SUBJECT SIDE N SECONDS [MORE]: one run. MORE is a JSON object with other figures.
record() {
	jq -nc --arg subject "$1" --arg side "$2" --argjson n "$3" --argjson seconds "$4" \
		--argjson more "${5:-{\}}" \
		'{subject: $subject, side: $side, n: $n, seconds: $seconds, rate: ($n / $seconds)} + $more' >>"$RAW"
}

# absent SUBJECT SIDE WHY: that side cannot be measured.
absent() {
	say "$1: $2: $3"
	jq -nc --arg subject "$1" --arg side "$2" --arg why "$3" \
		'{subject: $subject, side: $side, absent: $why}' >>"$RAW"
}

# needs SUBJECT SIDE PROGRAM…: whether they are all there; says of the side that it is missing if not.
needs() {
	local subject=$1 side=$2 program
	shift 2
	for program; do
		command -v "$program" >/dev/null && continue
		absent "$subject" "$side" "missing: $program"
		return 1
	done
}

# attempt SUBJECT SIDE FUNCTION…: one run; a failure is recorded and ends nothing.
attempt() {
	local subject=$1 side=$2
	shift 2
	say "$subject: $side"
	"$@" || absent "$subject" "$side" 'failed'
}

# limits TYPE: what Nettle does, at this moment of the benchmark.
limits() {
	local found
	found=$("$PROGRAMS/limits" "$(size 0.5 0.2 0.02)" "$1") || { fail 'limits failed'; return; }
	jq -c '{subject: "limits", nettle, cores} + (.types | to_entries[0] | {side: .key} + .value)' \
		<<<"$found" >>"$RAW"
}

# load OPTIONS…: the figures of the load generator, in $loaded, as JSON.
load() {
	loaded=$("$PROGRAMS/load" "$@" 2>>"$WORK/log") || fail "load failed (see $WORK/log): ${*: -1}"
}

# certpool VERB…: in $folder.
certpool() { (cd "$folder" && exec "$CERTPOOL" "$@") >>"$WORK/log" 2>&1; }

# manifest N TYPE: a CA and two clients; the first has the pool. Servers take any free port.
manifest() {
	cat >"$folder/manifest.yaml" <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0", key: $2}
		clients:
		  client1:
		    pool: {size: $1, key: $2}
		    policy: {certificates: 10000000, requests_per_minute: 1000000}
		  client2: {pool: {size: 1, key: $2}, endpoint: "http://127.0.0.1:0"}
	END
	export CERTPOOL_MANIFEST=$folder/manifest.yaml
}

servers=()
# Their children too: openssl's responder looks at the signal only when one of its own ends.
stop_all() {
	local server
	for server in "${servers[@]}"; do
		mapfile -t children < <(pgrep -P "$server")
		kill "$server" "${children[@]}" 2>/dev/null
	done
	for server in "${servers[@]}"; do wait "$server" 2>/dev/null; done
}
trap stop_all EXIT

# start VERB…: one of certpool's servers; $endpoint is where it listens, $server its process. It is
# run by the command in $launcher, if any.
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

# stop PROCESS: its peak memory is in $peak_kb then.
stop() {
	peak_kb=$(awk '/^VmHWM/ { print $2 }' "/proc/$1/status")
	kill "$1"
	wait "$1" 2>/dev/null
}

# wait_until COMMAND…: until it succeeds, ten seconds at most.
wait_until() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" && return
		sleep 0.1
	done
	fail "waited in vain for: $*"
}

# free_port: one that nobody listens at, in $port, for programs that cannot be told to take any.
free_port() {
	local i
	for ((i = 0; i < 100; i++)); do
		port=$((20000 + RANDOM % 10000))
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
	done
	fail 'no free port'
}

# at_a_time LOOPS FUNCTION N: in as many processes at once the function gets the first member that is
# its own, the step to its next one, and N.
at_a_time() {
	local i loop running=()
	for ((i = 1; i <= $1; i++)); do
		"$2" "$i" "$1" "$3" &
		running+=($!)
	done
	for loop in "${running[@]}"; do wait "$loop" || return; done
}

# enroll_pool SUBJECT N TYPE: a pool from nothing, in a folder of its own. Measured: keys and requests,
# then everything between the client and the CA, each a process; the CA runs already.
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
