#!/usr/bin/env bash
# Killed processes: every answer that was sent stays true, and nothing is done twice.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# The shell's report of every killed process. Failed checks are on standard output.
exec 2>notices

size=2000
has_files() { [ "$(count_files "$2" "$3")" -ge "$1" ]; }
wait_for() { eventually has_files "$@"; } # COUNT FOLDER PATTERN: waits until so many files exist
# killed_at STEP CALLS COMMAND…: kills the command at its STEPth call of the system calls CALLS. The
# calls of each thread are counted apart.
killed_at() {
	local step=$1 calls=$2
	shift 2
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "inject=$calls:signal=KILL:when=$step" "$@" >out 2>err
}
leftovers() { find . -name '.*.new' | wc -l; }
on_two_cores

manifest $size 1 | sed "s/size: $size/&, batch_size: 100/" >manifest.yaml
"$certpool" init -q >out

# catalogue 76, 78: request, killed at several moments
for step in 50 100 20 150 70; do
	killed_at $step renameat2 "$certpool" request client1 -q
	equal "request is killed at file $step" 137 $?
done
expect 0 'request, killed five times, completes the pool' "$certpool" request client1
equal 'with all keys and requests' "$size $size" \
	"$(count_files client1/Private 'private_key*.key') $(count_files client1/CSR_file 'csr_key*.csr')"
equal 'and no temporary file' 0 "$(leftovers)"
mismatched=0
for i in 1 2 3 777 1000 1999 2000; do
	[ "$(openssl pkey -pubout -in client1/Private/private_key$i.key)" = \
		"$(openssl req -pubkey -noout -verify -in client1/CSR_file/csr_key$i.csr 2>check.log)" ] || mismatched=$((mismatched + 1))
done
equal 'requests are for the keys beside them' 0 $mismatched

# catalogue 76: the client, killed during its enrolment
start_ca
for step in 150 50 120; do
	killed_at $step renameat2 "$certpool" enroll client1 -q
	equal "enroll is killed at certificate $step" 137 $?
done
some=$(count_files client1/cert 'cert_key*.crt')
check 'the client was killed in the middle' test "$some" -gt 0 -a "$some" -lt $size
find client1/cert -name '*.crt' -exec sha256sum {} + >before

# catalogue 76: the CA, killed while it records certificates of the same enrolment
strace -f -o trace -e inject=fdatasync:signal=KILL:when=3 -p "$ca" 2>tracer &
tracer=$!
check 'the CA is traced' eventually grep -q attached tracer
status=0
"$certpool" enroll client1 >out 2>err || status=$?
wait $tracer
equal 'the client says that the CA cannot be reached' 7 $status
check 'each certificate that the client has is in the record' test "$(rows)" -ge "$(count_files client1/cert 'cert_key*.crt')"
start_ca
expect 0 'started again, the client completes its pool' "$certpool" enroll client1
equal 'every member has its certificate' $size "$(count_files client1/cert 'cert_key*.crt')"
check 'those that it had are the same' sha256sum --quiet -c before
equal 'the record has one row a key' "$size $size" "$(rows) $(keys)"
equal 'and one a serial' $size "$(ask_record ca 'select count(distinct serial) from certificate')"
equal 'no temporary file is left' 0 "$(leftovers)"
find client1/cert -name 'cert_key*.crt' -print0 | xargs -0 cat >all.pem
equal 'openssl verifies all of them' $size \
	"$(find client1/cert -name 'cert_key*.crt' -print0 | xargs -0 -n 500 openssl verify -CAfile client1/cert/root.crt | grep -c ': OK$')"

# catalogue 93: the client disconnects before the answer, and asks again
rm client1/cert/cert_key1??.crt
"$certpool" enroll client1 >out 2>err &
enroll=$!
kill -9 $enroll
wait $enroll
expect 0 'a client that left asks again' "$certpool" enroll client1
check 'and has the same certificates' sha256sum --quiet -c before
equal 'nothing was recorded anew' "$size" "$(rows)"

# catalogue 77: SIGTERM while the CA certifies: it finishes the requests in progress
rm client1/cert/cert_key*.crt
"$certpool" enroll client1 >out 2>err &
enroll=$!
wait_for 100 client1/cert 'cert_key*.crt'
stop "$ca"
equal 'SIGTERM under load: exit status 0' 0 "$stopped"
wait $enroll
start_ca
expect 0 'afterwards the client completes its pool' "$certpool" enroll client1
check 'with the same certificates' sha256sum --quiet -c before
equal 'the record is sound' ok "$(sqlite3 ca/state/ca.db 'pragma integrity_check')"

# A killed receiver remembers the messages that it accepted.
"$certpool" request client2 -q >out && "$certpool" enroll client2 -q >out
start_receiver client2
"$certpool" send client1 client2 --output message.jwe x
expect 0 'a message' "$certpool" send client1 client2 --endpoint "$inbox" --deliver message.jwe
kill -9 "$receiver"
wait "$receiver"
start_receiver client2
expect 3 'after kill -9 the receiver still knows a replay' "$certpool" send client1 client2 --endpoint "$inbox" --deliver message.jwe

# catalogue 76: init, killed at each call that changes something, and run again
mkdir steps
step=0
completed=0
killed=137
while [ $killed -eq 137 ] && [ $step -lt 200 ]; do
	step=$((step + 1))
	rm -rf steps/*
	manifest 1 1 >steps/manifest.yaml
	killed_at $step renameat2,mkdirat,fsync,write "$certpool" init -q -m steps/manifest.yaml
	killed=$?
	"$certpool" init -q -m steps/manifest.yaml >out 2>err || break
	[ "$(leftovers)" -eq 0 ] || break
	cmp -s steps/ca/Private/shared_client1.jwk steps/client1/Private/shared_ca.jwk || break
	cmp -s steps/ca/cert/root.crt steps/client2/cert/root.crt || break
	completed=$((completed + 1))
done
equal 'init, killed at any step, is completed by init' "$step" "$completed"
check 'there were steps to be killed at' test "$step" -gt 10

# catalogue 76, 78: the CA, killed at each call with which it records
step=0
sound=0
survived=0
while [ $survived -eq 0 ] && [ $step -lt 200 ]; do
	step=$((step + 1))
	rm -rf steps/*
	manifest 3 1 >steps/manifest.yaml
	"$certpool" init -q -m steps/manifest.yaml >out && "$certpool" request client1 -q -m steps/manifest.yaml >out
	# -D: the server is our child, and the tracer is a child of the server.
	launcher=(env ASAN_OPTIONS=detect_leaks=0 strace -D -f -o trace -e "inject=pwrite64,fdatasync:signal=KILL:when=$step")
	try_start killed serve -m steps/manifest.yaml
	launcher=()
	[ -z "$endpoint" ] || "$certpool" enroll client1 -q -m steps/manifest.yaml --ca "$endpoint" >out 2>err
	# A CA that was not killed before stops normally, unless it is killed while it stops.
	stop "$server"
	[ $stopped -ne 0 ] || survived=1
	start_ca -m steps/manifest.yaml
	"$certpool" enroll client1 -q -m steps/manifest.yaml >out 2>err || break
	stop "$ca"
	[ "$(rows steps/ca) $(keys steps/ca)" = '3 3' ] || break
	[ "$(sqlite3 steps/ca/state/ca.db 'pragma integrity_check')" = ok ] || break
	sound=$((sound + 1))
done
equal 'the CA, killed at any step, has each key once when it is started again' "$step" "$sound"
check 'there were steps to be killed at' test "$step" -gt 5

# catalogue 76, 79: a verb that writes the record is killed at each such call, and then another program
# opens and closes the record, which copies SQLite's log and removes it: nothing is missed.
rm -rf steps/*
manifest 3 1 >steps/manifest.yaml
"$certpool" init -q -m steps/manifest.yaml >out
kills=0
sound=0
for call in pwrite64 fdatasync fsync linkat renameat unlinkat; do
	step=1
	until killed_at $step $call "$certpool" client add "c$kills" -q -m steps/manifest.yaml; do
		kills=$((kills + 1))
		step=$((step + 1))
		if [ "$(sqlite3 steps/ca/state/ca.db 'pragma integrity_check')" = ok ] &&
			"$certpool" client list -m steps/manifest.yaml >out 2>err; then
			sound=$((sound + 1))
		else
			break
		fi
		[ $step -lt 60 ] || break
	done
done
equal 'a verb, killed at any step, leaves a record that opens after sqlite3 closed it' "$kills" "$sound"
check 'there were steps to be killed at' test "$kills" -gt 8
check 'nothing is left of the marking' test ! -e steps/ca/state/ca.db-marking
