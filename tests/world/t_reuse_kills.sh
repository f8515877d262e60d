#!/usr/bin/env bash
# What each method of choosing a member promises, over hundreds of messages of several senders that are killed
# again and again. What signed is what the receiver says: a sender that is killed does not tell all.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

manifest_of() {
	cat <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0"}
		clients:
		  client1: {pool: {$1}, policy: {certificates: 100000}}
		  client2: {pool: {size: 1}, endpoint: "http://127.0.0.1:0"}
	END
}
manifest_of 'size: 600, reuse: once_only' >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
start_receiver client2 --json
received() { grep -c '"verdict":"verified"' receive.out; }

# senders COUNT: three of them, two of which are killed once they have sent some messages.
senders() {
	local before more processes=() process
	before=$(received)
	for more in 1 2 3; do
		"$certpool" send client1 client2 --endpoint "$inbox" --quiet x --count "$1" >/dev/null 2>>senders.err &
		processes+=($!)
	done
	begun() { [ "$(received)" -ge $((before + 30)) ] || ! kill -0 "${processes[2]}" 2>>killed; }
	eventually begun
	kill -9 "${processes[@]:0:2}" 2>>killed
	for process in "${processes[@]}"; do wait "$process" 2>>killed; done
}

# The signers in the order in which the receiver says them, from its line FROM on.
serials() { tail -n "+$1" receive.out | jq -r 'select(.verdict == "verified") | .serial'; }

for round in {1..3}; do
	senders 60
	if [ "$round" -eq 2 ]; then
		# The fill-up is killed, too, wherever it is, and goes on.
		sed -i 's/size: [0-9]*, reuse: once_only.*}, policy/size: 600, reuse: once_only, topup: {unused: 599}}, policy/' manifest.yaml
		"$certpool" keep client1 --now -q >/dev/null 2>>killed &
		keep=$!
		certified() { [ "$(rows)" -gt 620 ] || ! kill -0 "$keep" 2>>killed; }
		eventually certified
		kill -9 $keep 2>>killed
		wait $keep 2>>killed
		expect 0 'a fill-up that was killed is completed' "$certpool" keep client1 --now
	fi
done
check 'hundreds of messages arrived' test "$(received)" -ge 180
equal 'once_only: no member signed twice' '' "$(serials 1 | sort | uniq -d)"
expect 0 'the last fill-up' "$certpool" keep client1 --now
equal 'and as many as the pool has are unused' 600 \
	"$("$certpool" status --json | jq 'select(.node == "client1") | .unused')"

# Per receiver: one member for all that it gets.
manifest_of 'size: 20, reuse: per-relying-party' >manifest.yaml
line=$(($(wc -l <receive.out) + 1))
for round in {1..2}; do senders 60; done
equal 'per-relying-party: one member signed all' 1 "$(serials "$line" | sort -u | wc -l)"

# In turn: between the most and the least used member are the orders that the kills cut short.
manifest_of 'size: 20, reuse: rotating-batch' >manifest.yaml
rm -r client1/CSR_file/* client1/cert/cert_key* client1/Private/private_key* client1/state/pool
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
line=$(($(wc -l <receive.out) + 1))
kills=0
for round in {1..3}; do
	senders 100
	kills=$((kills + 2))
done
read -r least most <<<"$(serials "$line" | sort | uniq -c | sort -n | awk 'NR == 1 { least = $1 } { most = $1 } END { print least, most }')"
equal 'rotating-batch: all members signed' 20 "$(serials "$line" | sort -u | wc -l)"
# A kill costs the four places that were taken, and the eight messages that were on their way.
check 'and none more often than the kills account for' test $((most - least)) -le $((12 * kills + 1))
