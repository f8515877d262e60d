# shellcheck shell=bash disable=SC2034
# What the end-to-end tests share. Each test script sources it and works in a folder of its own,
# with real processes on loopback; servers take any free port. Prints "ok" or "not ok" a check.
# (SC2034: the variables that it sets are for the scripts.)

certpool=$(realpath -e "${CERTPOOL:-build/certpool}") || exit 1
folder=$(mktemp -d)
cd "$folder" || exit 1
export LC_ALL=C
# What is on loopback is asked directly.
export no_proxy='*'
servers=()

# This script's own loopback address: a port that one of its servers gives up is nobody else's then.
host=127.$((1 + $$ / 65536)).$(($$ / 256 % 256)).$(($$ % 256))

# A failed check is counted here, so that it also shows in the exit status.
failures=0

finish() {
	local server
	for server in "${servers[@]}"; do kill "$server" 2>/dev/null; done
	for server in "${servers[@]}"; do wait "$server" 2>/dev/null; done
	if mountpoint -q "$folder/small" 2>/dev/null; then umount "$folder/small"; fi
	cd /
	rm -rf "$folder"
	[ "$failures" -eq 0 ]
}
trap finish EXIT

pass() { echo "ok - $1"; }
skip() { echo "ok - $1 # skipped: $2"; }
fail() {
	failures=$((failures + 1))
	echo "not ok - $1"
	shift
	printf '#   %s\n' "$@"
}

# check NAME COMMAND…: the command must succeed.
check() {
	local name=$1
	shift
	if "$@" >check.log 2>&1; then
		pass "$name"
	else
		fail "$name" "failed: $*" "$(tail -n 5 check.log)"
	fi
}

# check_not NAME COMMAND…: the command must fail.
check_not() {
	local name=$1
	shift
	if "$@" >check.log 2>&1; then fail "$name" "should have failed: $*"; else pass "$name"; fi
}

# equal NAME EXPECTED FOUND
equal() {
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "expected: $2" "found: $3"; fi
}

# expect STATUS NAME COMMAND…: runs it, leaves its output in out and err, checks its exit status.
expect() {
	local status=$1 name=$2 found=0
	shift 2
	"$@" >out 2>err || found=$?
	if [ "$found" -eq "$status" ]; then
		pass "$name"
	else
		fail "$name" "expected exit status $status, found $found: $*" "$(tail -n 5 err)"
	fi
}

# says NAME PATTERN: standard error of the last expect; prints: its standard output.
says() {
	if grep -qE -- "$2" err; then pass "$1"; else fail "$1" "not in standard error: $2" "$(cat err)"; fi
}
prints() {
	if grep -qE -- "$2" out; then pass "$1"; else fail "$1" "not in standard output: $2" "$(cat out)"; fi
}
silent() {
	if [ ! -s out ]; then pass "$1"; else fail "$1" "expected no standard output, found:" "$(cat out)"; fi
}

# eventually COMMAND…: waits until it succeeds, which is at once, or when a busy machine comes to it;
# fails after a minute.
eventually() {
	local end=$((SECONDS + 60))
	until "$@"; do
		[ $SECONDS -lt $end ] || return
		sleep 0.05
	done
}

# manifest SIZE1 SIZE2 [MORE]: a CA and two clients. Ports are 0: servers say which they got.
manifest() {
	cat <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0"}
		clients:
		  client1: {pool: {size: $1}}
		  client2: {pool: {size: $2}, endpoint: "http://127.0.0.1:0"}
		${3-}
	END
}

# start LOG VERB…: a server; its endpoint is in $endpoint then, its process in $server. It is run by
# the command in $launcher, if any. try_start: it may end before it listens.
launcher=()
try_start() {
	local log=$1
	shift
	# One pipe a server: the last one may not have closed its own yet.
	rm -f ready
	mkfifo ready
	"${launcher[@]}" "$certpool" "$@" --ready 7 7>ready >"$log.out" 2>"$log.err" &
	server=$!
	endpoint=
	read -r -t 60 endpoint <ready
}
start() {
	try_start "$@" || fail "certpool $2 starts" "$(cat "$1.err")"
	servers+=("$server")
}

# free_port FROM: the first from there on at which nobody listens.
free_port() {
	local port=$1
	while (: <"/dev/tcp/$host/$port") 2>/dev/null; do port=$((port + 1)); done
	echo "$port"
}

# The CA; clients are told where it is by the environment.
start_ca() {
	start serve serve --listen "http://$host:0" "$@"
	ca=$server
	export CERTPOOL_CA=$endpoint
}
start_receiver() {
	start receive receive "$@" --listen "http://$host:0"
	receiver=$server
	inbox=$endpoint
}

# stop PROCESS: SIGTERM; its exit status is in $stopped then.
stop() {
	kill "$1"
	stopped=0
	wait "$1" || stopped=$?
}

# While the CA writes or the last one closes the record, others wait, as certpool does.
sqlite3() { command sqlite3 -cmd '.timeout 60000' "$@"; }

# Rows and different keys in the CA's record.
rows() { sqlite3 "${1:-ca}/state/ca.db" 'select count(*) from certificate'; }
keys() { sqlite3 "${1:-ca}/state/ca.db" 'select count(distinct key_sha256) from certificate'; }

# Number of files whose name matches, in a folder.
count_files() { find "$1" -maxdepth 1 -name "$2" | wc -l; }
mode() { stat -c %a "$1"; }

# The address sanitizer looks for leaks by tracing itself, and wants to be loaded first.
sanitized() { grep -q __asan_init "$certpool"; }
unsanitized_preload() { ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 "$@"; }
