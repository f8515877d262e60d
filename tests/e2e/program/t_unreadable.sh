#!/usr/bin/env bash
# A disk that does not answer: an error of stat or of reading a directory is an error of the verb, and
# never "there is no such file".
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
quick_passphrases

# failing_at STEP CALL COMMAND…: runs the command; the STEPth system call CALL of each of its threads
# fails with EIO.
failing_at() {
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "trace=$2" -e "inject=$2:error=EIO:when=$1" "${@:3}"
}
injected() { grep -q INJECTED trace; }
# SQLite has words of its own for it.
said_so() { grep -qE 'Input/output error|I/O error|cannot be opened|put another file' "$1"; }

# sweep NAME CALL COMMAND…: runs the command with each CALL of its own failing in turn (the loader's
# come before): it says so and fails, or succeeds with all that it does otherwise (see `whole`).
sweep() {
	local name=$1 call=$2 step bad=0 failed=0
	shift 2
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "trace=$call" "$certpool" version >out 2>err
	for ((step = $(grep -cFe "$call(" trace) + 1; ; step++)); do
		prepare
		if failing_at "$step" "$call" "$@" >out 2>err; then
			whole || bad=$((bad + 1))
		else
			failed=$((failed + 1))
			if injected && ! said_so err; then bad=$((bad + 1)); fi
		fi
		injected || break
	done
	equal "$name: no EIO of $call passes for absence" 0 $bad
	check "$name: an EIO of $call is an error" test $failed -gt 0
}

manifest 3 1 | sed 's/size: 3}/size: 3}, policy: {requests_per_minute: 10000}/' >manifest.yaml
"$certpool" init -q >out
"$certpool" request client1 -q >out
start_ca

# catalogue 121: enroll; a member without its certificate and exit 0 would be a pool that is short
prepare() { rm -f client1/cert/cert_key*.crt client1/cert/.*.new; }
whole() { [ "$(count_files client1/cert 'cert_key*.crt')" = 3 ]; }
for call in newfstatat getdents64; do sweep enroll $call "$certpool" enroll client1 -q; done
# shellcheck disable=SC2218 # it is defined again for each verb
prepare
expect 0 'with a sound disk enroll completes the pool' "$certpool" enroll client1 -q
stop "$ca"

# catalogue 121: backup; one without a key of the CA and exit 0 would be found out by the restore
echo 'correct horse battery staple' >passphrase && chmod 600 passphrase
"$certpool" backup sound.tar --passphrase-file passphrase --json >sound.json
prepare() { rm -f b.tar .b.tar.new; }
whole() {
	tar tf b.tar >found && tar tf sound.tar | cmp -s - found &&
		[ "$(sed 's/.*"keys"/"keys"/; s/,.*//' out)" = "$(sed 's/.*"keys"/"keys"/; s/,.*//' sound.json)" ]
}
for call in newfstatat getdents64; do
	sweep backup $call "$certpool" backup b.tar --passphrase-file passphrase --json
done

# under CALL [STEP]: servers are started with their system calls CALL traced; the STEPth of each thread
# fails with EIO.
under() {
	launcher=(env ASAN_OPTIONS=detect_leaks=0 strace -D -f -o trace -e "trace=$1")
	[ -z "${2-}" ] || launcher+=(-e "inject=$1:error=EIO:when=$2")
}

# sweep_server NAME CALL VERB…: as sweep, for a server: it does not start, or works as otherwise (see
# `whole`).
sweep_server() {
	local name=$1 call=$2 step steps skip bad=0 failed=0
	shift 2
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "trace=$call" "$certpool" version >out 2>err
	skip=$(grep -cFe "$call(" trace)
	prepare
	under "$call"
	start swept "$@" --listen "http://$host:0"
	stop "$server"
	eventually grep -q "^$server .*exited" trace
	# Of the process, among a CA's front and signer, that makes the most.
	steps=$(grep -Fe "$call(" trace | cut -d' ' -f1 | sort | uniq -c | sort -rn | awk 'NR == 1 { print $1 }')
	for ((step = skip + 1; step <= steps; step++)); do
		prepare
		under "$call" "$step"
		try_start swept "$@" --listen "http://$host:0"
		if [ -n "$endpoint" ]; then
			whole || bad=$((bad + 1))
			stop "$server"
		elif wait "$server"; then
			bad=$((bad + 1))
		else
			failed=$((failed + 1))
			said_so swept.err || bad=$((bad + 1))
		fi
	done
	launcher=()
	equal "$name: no EIO of $call passes for absence" 0 $bad
	check "$name: an EIO of $call is an error" test $failed -gt 0
}

# catalogue 121: serve; a CA without its clients' keys would refuse all of them
prepare() { :; }
whole() {
	local status=0
	"$certpool" verify client1 client1/cert/cert_key1.crt --online --ca "$endpoint" >out 2>err || status=$?
	[ $status -ne 6 ]
}
for call in newfstatat getdents64; do sweep_server serve $call serve; done

# catalogue 121: receive; a memory of messages that was taken for absent would be written anew, empty
jti=AAAAAAAAAAAAAAAAAAAAAA
prepare() { printf '%s %s\n' "$(date +%s)" $jti >client2/state/seen; }
whole() { grep -qFe "$jti" client2/state/seen; }
for call in newfstatat getdents64; do sweep_server receive $call receive client2; done
whole || fail 'receive: the memory of messages is still there'
