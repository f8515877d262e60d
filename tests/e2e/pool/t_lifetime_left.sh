#!/usr/bin/env bash
# topup.lifetime_left: keep renews what ends, near its time and not before, with a clock that is moved. A member that is
# renewed has another key and its own number; only members that have signed with once_only give way to new numbers.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://127.0.0.1:0"$store}
clients:
  client1: {pool: {size: 4, topup: {lifetime_left: 40%}}}
  client2: {pool: {size: 4, reuse: once_only, topup: {unused: 1, lifetime_left: 40%}}}
  client3: {endpoint: "http://127.0.0.1:0"}
END
clocked clocked "$PWD/clock"
certpool=$PWD/clocked
"$certpool" init -q >out
start_ca
start_receiver client3
for client in client1 client2; do "$certpool" keep $client -q >out; done
members() { find "$1/Private" -name 'private_key[0-9]*' | sed 's/.*key\([0-9]*\)\..*/\1/' | sort -n | paste -sd' '; }
# The public keys of a client's certificates, by number.
keys() { local i; for i in $(members "$1"); do openssl x509 -noout -pubkey -in "$1/cert/cert_key$i.crt" | sha256sum; done; }
serials() { local i; for i in $(members "$1"); do openssl x509 -noout -serial -in "$1/cert/cert_key$i.crt"; done; }
send() { "$certpool" send "$1" client3 --endpoint "$inbox" --json "${@:2}" x; }
of_status() { "$certpool" status --json | jq -r "select(.node == \"$1\") | $2"; }
signed() { jq -r .member "$@" | sort -n | paste -sd' '; }

expect 0 'a member of the second pool signs' send client2
first=$(jq .member out)
# when CLIENT PERCENT: when so much of the lifetime of a client's first certificates is left.
when() {
	local begin end
	begin=$(date -d "$(openssl x509 -noout -startdate -in "$1/cert/cert_key1.crt" | cut -d= -f2)" +%s)
	end=$(date -d "$(openssl x509 -noout -enddate -in "$1/cert/cert_key1.crt" | cut -d= -f2)" +%s)
	echo $((end - (end - begin) * $2 / 100))
}
zero=$(when client1 0)
lifetime=$(((zero - $(when client1 100)) / 100))
# left PERCENT: moves the clock there, of client1.
left() { move_clock "$folder/clock" $((zero - lifetime * $1 - $(date +%s))); }
keys client1 >keys1
keys client2 >keys2

left 45
for client in client1 client2; do
	expect 0 "$client: keep with 45 % left" "$certpool" keep $client --json
	equal 'renews nothing' '0 0' "$(jq -r '"\(.renewed) \(.enrolled)"' out)"
	equal 'and says when it will' "$(when $client 40)" "$(jq -r '.next_due | fromdate' out)"
done
equal 'and none is said to end' 0 "$(of_status client2 .ending)"

left 35
equal 'with 35 % left three of the second pool end; one has signed' 3 "$(of_status client2 .ending)"
expect 0 'a member that ends still signs' send client2
second=$(jq .member out)
expect 0 'client1: keep' "$certpool" keep client1 --json
equal 'renews all four' '4 0' "$(jq -r '"\(.renewed) \(.enrolled)"' out)"
equal 'under their numbers' '1 2 3 4' "$(members client1)"
check_not 'with other keys' grep -qFf keys1 <(keys client1)
expect 0 'client2: keep' "$certpool" keep client2 --json
equal 'renews those that are unused' '2 0' "$(jq -r '"\(.renewed) \(.enrolled)"' out)"
equal 'under their numbers, too' '1 2 3 4' "$(members client2)"
equal 'and leaves the others, which have signed' 2 "$(grep -cFf keys2 <(keys client2))"
equal 'none ends now' '0 2 2' "$(of_status client2 '"\(.ending) \(.unused) \(.set_aside)"')"
serials client2 >serials2
expect 0 'keep again' "$certpool" keep client2 --json
equal 'does nothing' 0 "$(jq .renewed out)"

# What was renewed has not signed, and signs once; what has signed gives way to new numbers, and its own never come back.
expect 0 'the renewed members sign' send client2 --count 2
cp out renewed
equal 'each member once' '1 2 3 4' "$({ echo "$first"; echo "$second"; signed renewed | tr ' ' '\n'; } | sort -n | paste -sd' ')"
expect 4 'then the pool is empty' send client2
expect 0 'keep fills it up' "$certpool" keep client2 --json
equal 'with new members' '4 4' "$(jq -r '"\(.enrolled) \(.retired)"' out)"
equal 'whose numbers are new' '5 6 7 8' "$(members client2)"
left -30
expect 0 'near their end' "$certpool" keep client2 --json
equal 'they are renewed' '4 0' "$(jq -r '"\(.renewed) \(.enrolled)"' out)"
equal 'under the numbers that they have' '5 6 7 8' "$(members client2)"
equal 'size counts usable members' '4 4 4' "$(of_status client2 '"\(.size) \(.valid) \(.unused)"')"
expect 0 'which sign' send client2 --count 4
equal 'each once' '5 6 7 8' "$(signed out)"
