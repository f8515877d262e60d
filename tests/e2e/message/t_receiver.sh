#!/usr/bin/env bash
# The receiver: what happens to it when clocks, processes and other nodes fail.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# The shell reports each process that is killed; failed checks are on standard output.
exec 2>notices

manifest 1 1 >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
send() { "$certpool" send client1 client2 --endpoint "$inbox" "$@"; }

# catalogue 120: a message is taken, the receiver is started a year later, then at the right time again
send --output past.jwe past --endpoint http://127.0.0.1:1
start_receiver client2
expect 0 'a message is taken' send --deliver past.jwe
stop "$receiver"
ahead_by +365d
for restart in 1 2; do
	start_receiver client2
	stop "$receiver"
	equal "with a clock a year ahead the receiver works, start $restart" 0 "$stopped"
done
launcher=()
start_receiver client2
expect 3 'with the right clock the same message is not taken again' send --deliver past.jwe
says 'because it was taken before' 'taken before'
# A message of the very second of the first might be one that was dropped.
check 'and new ones are taken' eventually send new
stop "$receiver"
rm client2/state/seen

# catalogue 76, 120: a receiver that is killed while it takes a message prints it once at most, and has
# the certificate of each that it printed. The message's line in the memory is the first write of the
# thread that takes it, M the second.
here=$PWD
killed_at() { # CALL STEP
	launcher=(env ASAN_OPTIONS=detect_leaks=0 strace -D -f -o trace -e "trace=$1" -e "inject=$1:signal=KILL:when=$2")
	for path in client2/state/seen client2/received receive.out; do launcher+=(-P "$here/$path"); done
}
taken() { # NAME: delivers the message, and keeps what the receiver prints
	local status=0
	send --deliver "$1.jwe" >out 2>err || status=$?
	return $status
}
for point in write:1 linkat,renameat2:1 fsync:1 write:2; do
	name=kill-${point//[:,]/-}
	rm -f client2/received/*.crt
	send --output "$name.jwe" "$name" --endpoint http://127.0.0.1:1
	killed_at "${point%:*}" "${point#*:}"
	start_receiver client2
	launcher=()
	expect 7 "$point: the receiver is killed while it takes a message" taken "$name"
	kill -9 "$receiver"
	wait "$receiver"
	cp receive.out printed
	start_receiver client2
	taken "$name"
	expect 3 "$point: started again, it does not take the message twice" taken "$name"
	stop "$receiver"
	cat receive.out >>printed
	check "$point: it printed the message once at most" test "$(grep -cxFe "$name" printed)" -le 1
	check "$point: and has the certificate, if it did" \
		test "$(count_files client2/received '*.crt')" -ge "$(grep -cxFe "$name" printed)"
	equal "$point: nothing is left over" 0 "$(find client2 -name '.*.new' | wc -l)"
done

# catalogue 118: a server of CRLs, and then a CA, that accepts and says nothing: all that does not need
# it is answered, and SIGTERM ends the receiver. What waited for that server would take half a minute; a
# machine so busy that the same takes long when everybody answers is given ten times as long.
start_receiver client2
begun=$SECONDS
senders=()
for message in {1..10}; do
	send x >out 2>&1 &
	senders+=($!)
done
wait "${senders[@]}"
stop "$receiver"
patience=$((10 + 10 * (SECONDS - begun)))
answers() { [ "$(timeout $patience curl -s -o nothing -w '%{http_code}' "$inbox/nothing")" = 404 ]; }
ends() {
	(sleep $patience && kill -9 "$1") &
	local watch=$!
	stop "$1"
	kill $watch
	[ "$stopped" -eq 0 ]
}
ten_are_refused() { # PATTERN
	local message senders=()
	for message in {1..10}; do
		timeout $patience "$certpool" send client1 client2 --endpoint "$inbox" x >"sent.$message" 2>&1 &
		senders+=($!)
	done
	answers || return
	for message in {1..10}; do
		wait "${senders[message - 1]}"
		[ $? -eq 3 ] || return
		grep -qe "$1" "sent.$message" || return
	done
}
"$certpool" crl >out
for way in "--crl $CERTPOOL_CA/crl" --online; do
	case $way in --online) reason='did not give' ;; *) reason='cannot tell whether' ;; esac
	kill -STOP "$ca"
	# shellcheck disable=SC2086 # an option and its value
	start_receiver client2 $way
	check "$way: ten messages are refused while it says nothing, and a path is answered" ten_are_refused "$reason"
	check "$way: and again" ten_are_refused "$reason"
	check "$way: SIGTERM ends the receiver" ends "$receiver"
	# shellcheck disable=SC2086
	start_receiver client2 $way
	send x >sent 2>&1 &
	sender=$!
	kill -CONT "$ca"
	check "$way: when it speaks again messages are taken" eventually send x
	wait $sender
	stop "$receiver"
done
