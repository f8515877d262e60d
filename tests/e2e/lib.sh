# shellcheck shell=bash disable=SC2034
# The functions of the end-to-end tests. Each test script sources this file and works in a folder of
# its own, with real processes on loopback; servers take any free port. A check prints "ok" or "not ok".
# (SC2034: the variables that this file sets are for the scripts.)

certpool=$(realpath -e "${CERTPOOL:-build/certpool}") || exit 1
libraries=$(dirname "$certpool")
folder=$(mktemp -d)
cd "$folder" || exit 1
export LC_ALL=C
# Requests to loopback use no proxy.
export no_proxy='*'

# This script's own loopback address: no other script takes a port that one of its servers gives up.
host=127.$((1 + $$ / 65536)).$(($$ / 256 % 256)).$(($$ % 256))

# Counts failed checks, for the exit status.
failures=0

# A script ends with its own status, or with 1 if a check failed: what a trap returns does not count. It stops what still
# runs in the background: the number of a process that ended before may be another script's process by now.
finish() {
	local status=$? running process
	running=$(jobs -pr)
	# One that a check has stopped must go on to end.
	for process in $running; do kill "$process" 2>/dev/null && kill -CONT "$process" 2>/dev/null; done
	for process in $running; do wait "$process" 2>/dev/null; done
	if mountpoint -q "$folder/small" 2>/dev/null; then umount "$folder/small"; fi
	cd /
	rm -rf "$folder"
	[ "$failures" -eq 0 ] || exit 1
	exit $status
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

# check_not NAME COMMAND…: the command must say no, with a status that means no: grep has 1 for it, and 2 for a file that it
# could not read; what hangs, is not there or crashes has said nothing.
check_not() {
	local name=$1 found=0 no=123
	shift
	case $1 in grep | cmp | diff | test | '[') no=1 ;; esac
	"$@" >check.log 2>&1 || found=$?
	if [ "$found" -eq 0 ]; then
		fail "$name" "should have failed: $*"
	elif [ "$found" -gt "$no" ]; then
		fail "$name" "cannot be told, exit status $found: $*" "$(tail -n 5 check.log)"
	else
		pass "$name"
	fi
}

# An empty pattern is in every text: a check that seeks what a command printed must not pass when it printed nothing.
grep() {
	local argument
	for argument; do
		[ -n "$argument" ] || { echo "grep: an empty argument: $*" >&2 && return 2; }
	done
	command grep "$@"
}

# equal NAME EXPECTED FOUND
equal() {
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "expected: $2" "found: $3"; fi
}

# expect STATUS NAME COMMAND…: runs the command, writes its output to out and err, checks its status.
expect() {
	local status=$1 name=$2 found=0
	shift 2
	"$@" >out 2>err || found=$?
	if [ "$found" -eq "$status" ]; then
		pass "$name"
	else
		fail "$name" "expected exit status $status, found $found: $*" "$(tail -n 5 out)" "$(tail -n 5 err)"
	fi
}

# says NAME PATTERN: checks standard error of the last expect; prints: checks its standard output.
says() {
	if grep -qE -- "$2" err; then pass "$1"; else fail "$1" "not in standard error: $2" "$(cat err)"; fi
}
prints() {
	if grep -qE -- "$2" out; then pass "$1"; else fail "$1" "not in standard output: $2" "$(cat out)"; fi
}
silent() {
	if [ ! -s out ]; then pass "$1"; else fail "$1" "expected no standard output, found:" "$(cat out)"; fi
}

# eventually COMMAND…: repeats the command until it succeeds, which may be late on a busy machine; fails
# after five minutes.
eventually() {
	local end=$((SECONDS + 300))
	until "$@"; do
		[ $SECONDS -lt $end ] || return
		sleep 0.05
	done
}

# Beside a server of PostgreSQL (tests/postgresql.sh) the record of the script's CA is in a database of its own:
# $store is what the manifest says of it, below ca; "" otherwise.
store=
sql() { psql -qAt -h "$socket" -p "$port_of_database" -U certpool -d "$1" -c "$2"; } # DATABASE SQL
if [ -n "${CERTPOOL_TEST_POSTGRESQL-}" ]; then
	IFS='&=' read -r _ socket _ port_of_database _ <<<"$CERTPOOL_TEST_POSTGRESQL"
	database=$(basename "$folder")
	# What tests use of SQLite's functions.
	make_database() { # NAME
		sql postgres "create database \"$1\""
		sql "$1" "create function hex(bytea) returns text language sql as 'select upper(encode(\$1, ''hex''))'"
		sql "$1" "create function randomblob(int) returns bytea language sql as 'select substr(sha256(random()::text::bytea), 1, \$1)'"
	}
	make_database "$database"
	store=", store: \"postgresql:///$database?$CERTPOOL_TEST_POSTGRESQL\""
fi

# own_record MANIFEST NAME: the CA of that manifest, the script's second one, has a record of its own.
own_record() {
	[ -n "$store" ] || return 0
	make_database "$database-$2"
	sed -i "s|///$database?|///$database-$2?|" "$1"
}

# manifest SIZE1 SIZE2 [MORE]: a CA and two clients. Ports are 0: servers print their ports.
manifest() {
	cat <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0"$store}
		clients:
		  client1: {pool: {size: $1}}
		  client2: {pool: {size: $2}, endpoint: "http://127.0.0.1:0"}
		${3-}
	END
}

# start LOG VERB…: starts a server, through the command in $launcher, if any; sets $endpoint to its URL
# and $server to its process. try_start: the same for a server that may end before it listens.
launcher=()
try_start() {
	local log=$1
	shift
	# A new pipe for each server: the last server may not have closed its own yet.
	rm -f ready
	mkfifo ready
	"${launcher[@]}" "$certpool" "$@" --ready 7 7>ready >"$log.out" 2>"$log.err" &
	server=$!
	endpoint=
	read -r -t 300 endpoint <ready
}
start() {
	try_start "$@" || fail "certpool $2 starts" "$(cat "$1.err")"
}

# free_port FROM: prints the first port from FROM on where nobody listens, at whatever address: a server at all
# addresses (t_endpoints.sh) has the port of all other scripts, too.
free_port() {
	local port=$1
	while grep -qsE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$port") [0-9A-F:]+ 0A " /proc/net/tcp /proc/net/tcp6; do port=$((port + 1)); done
	echo "$port"
}

# Starts the CA; clients find its URL in the environment.
start_ca() {
	start serve serve --listen "http://$host:0" "$@"
	ca=$server
	export CERTPOOL_CA=$endpoint
}
# The same over TLS. The manifest has an https endpoint with this host, and any port: manifest_https
# writes one, as manifest does.
start_https_ca() {
	start serve serve --listen "https://$host:0" "$@"
	ca=$server
	export CERTPOOL_CA=$endpoint
}
manifest_https() {
	manifest "$@" | sed "s|ca: {layout: ca, endpoint: \"http://127.0.0.1:0\"|ca: {layout: ca, endpoint: \"https://$host:0\"|"
}
start_receiver() {
	start receive receive "$@" --listen "http://$host:0"
	receiver=$server
	inbox=$endpoint
}

# on_two_cores: from here on all that the script runs has two cores at most. Programs start a thread for each core: on a
# large machine hardly any thread would come to the call at which a check has it killed.
on_two_cores() {
	local cores
	cores=$(taskset -cp $$)
	[[ ${cores##* } =~ ^([0-9]+)([-,])([0-9]+) ]] || return 0
	cores=$((BASH_REMATCH[1] + 1))
	[ "${BASH_REMATCH[2]}" = - ] || cores=${BASH_REMATCH[3]}
	taskset -cp "${BASH_REMATCH[1]},$cores" $$ >check.log
}

# stop PROCESS: sends SIGTERM, and sets $stopped to the exit status.
stop() {
	kill "$1"
	stopped=0
	wait "$1" || stopped=$?
}

# While another process writes or closes the record, sqlite3 waits, as certpool does.
sqlite3() { command sqlite3 -cmd '.timeout 60000' "$@"; }

# Rows and different keys in the CA's record.
ask_record() { # LAYOUT SQL
	if [ -n "$store" ]; then sql "$database" "set search_path to certpool, public; $2"; else sqlite3 "$1/state/ca.db" "$2"; fi
}
rows() { ask_record "${1:-ca}" 'select count(*) from certificate'; }
keys() { ask_record "${1:-ca}" 'select count(distinct key_sha256) from certificate'; }

# Requests by other tools than certpool. jti: a fresh one. seal KEY TYP: encrypts standard input as a JWE
# under the key, to standard output. post PATH FILE: posts it, prints the status, writes the body to answer.
jti() { head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
seal() {
	jose jwe enc -c -I- -k "$1" -i "$(jq -c --arg typ "$2" '{protected: {alg: "A256KW", enc: "A256GCM", kid: .kid, typ: $typ}}' "$1")"
}
# curl does not send a body after its refusal: else the refusal may be lost with the connection.
post() { curl -s --expect100-timeout 60 -o answer -w '%{http_code}' -H 'Content-Type: application/jose' --data-binary "@$2" "$CERTPOOL_CA$1"; }

# Number of files whose name matches, in a folder.
count_files() { find "$1" -maxdepth 1 -name "$2" | wc -l; }
mode() { stat -c %a "$1"; }

# The address sanitizer traces its own process to find leaks, and must be loaded first.
sanitized() { grep -q __asan_init "$certpool"; }

# in_memory PROCESS HEX…: how often the writable memory of a process has each of these octet strings. Only root reads it.
in_memory() {
	perl -e '
		my ($process, @wanted) = @ARGV;
		my @hits = (0) x @wanted;
		open(my $maps, "<", "/proc/$process/maps") or die;
		open(my $memory, "<:raw", "/proc/$process/mem") or die;
		while (<$maps>) {
			/^([0-9a-f]+)-([0-9a-f]+) rw/ or next;
			my ($begin, $end) = (hex $1, hex $2);
			seek($memory, $begin, 0);
			read($memory, my $data, $end - $begin) or next;
			for my $i (0 .. $#wanted) {
				my ($octets, $at) = (pack("H*", $wanted[$i]), 0);
				while (($at = index($data, $octets, $at)) >= 0) { $hits[$i]++; $at++ }
			}
		}
		print "@hits\n";' -- "$@"
}

# preloading LIBRARY [NAME=VALUE…]: sets $launcher to what runs a program with one of the libraries of this folder.
preloading() {
	[ -e "$libraries/$1.so" ] || { echo "not ok - $libraries/$1.so is not there: run make build/$1.so"; exit 1; }
	launcher=(env "ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:detect_leaks=0" "${@:2}"
		"LD_PRELOAD=$libraries/$1.so")
}
# launched SCRIPT: writes a script that runs the program by $launcher.
launched() {
	printf '#!/bin/sh\nexec %s "$@"\n' "${launcher[*]@Q} ${certpool@Q}" >"$1"
	chmod 755 "$1"
}
# quick_passphrases: from here on the program does not stretch passphrases, by quick_passphrases.c: for scripts that
# run a verb with one some hundred times.
quick_passphrases() {
	local launcher
	preloading quick_passphrases
	launched "$folder/quick"
	certpool=$folder/quick
}

# Other clocks, by clock.c: $launcher, while it is ahead_by something, starts servers whose clock is ahead by that:
# +50m, +91d. under_clock OFFSET COMMAND… runs a command under such a clock.
ahead_by() {
	preloading clock "CLOCK_AHEAD=$1"
}
under_clock() {
	local launcher
	ahead_by "$1"
	"${launcher[@]}" "${@:2}"
}

# clocked SCRIPT OFFSET: writes a script that runs the program under such a clock. OFFSET may be the path of a file,
# which is made: the clock is right until move_clock FILE OFFSET moves it, in seconds or days (60, 3d), for all that run.
clocked() {
	local launcher
	[[ $2 != /* ]] || move_clock "$2" 0
	ahead_by "$2"
	launched "$1"
}
move_clock() {
	local seconds=$((${2/%d/*86400})) shift octets=
	for shift in 0 8 16 24 32 40 48 56; do octets+=$(printf '\\x%02x' $(((seconds >> shift) & 255))); done
	printf '%b' "$octets" | dd of="$1" bs=8 iflag=fullblock conv=notrunc status=none
}
