#!/usr/bin/env bash
# Certificates that a digest names: what sender and receiver know of each other, and forget at their end.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 3 1 '  client3: {pool: {size: 4, reuse: once_only}}' >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client3; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
send() { "$certpool" send "$1" client2 --endpoint "$inbox" "${@:2}"; }
# How each message of the receiver that runs named its certificate.
named() { jq -r 'select(.verdict == "verified") | .signer_id' receive.out | "${@:-cat}" | xargs; }

# One sender, and a receiver that is killed and stopped in between.
start_receiver client2 --json
expect 2 'a wrong word' send client1 --signer-id sometimes M
says 'is named' '--signer-id: expected always or auto, found "sometimes"'
mkfifo pipe
send client1 --lines --member 1 --json <pipe >answers 2>problems &
sender=$!
exec 8>pipe
answered() { [ "$(grep -c verified answers)" -ge "$1" ]; }
for i in 1 2 3; do
	echo "line $i" >&8
	check "line $i" eventually answered $i
done
equal 'the certificate comes once' 'x5c x5t#S256 x5t#S256' "$(named)"
{ kill -9 "$receiver" && wait "$receiver"; } 2>killed
# (The pipe's end is not for the receiver: it would keep the sender waiting.)
start receive receive client2 --json --listen "$inbox" 8>&-
receiver=$server
for i in 4 5; do
	echo "line $i" >&8
	check "line $i, after the receiver was killed" eventually answered $i
done
equal 'a new receiver gets it again' 'x5c x5t#S256' "$(named)"
equal 'with each message once' "$(printf 'line 4\nline 5\n' | base64 -w 0)" "$(jq -r .message receive.out | while read -r m; do
	base64 -d <<<"$m"
	echo
done | base64 -w 0)"
equal 'and nobody hears of the question' '' "$(grep -v '"message":"listening on ' receive.err)"
exec 8>&-
check 'the sender ends well' wait "$sender"
equal 'without a complaint' '' "$(cat problems)"
expect 0 'another sender' send client1 --member 1 M
equal 'begins with the certificate' 'x5c x5t#S256 x5c' "$(named)"

expect 0 'eight connections' send client1 --count 100
equal 'all of which know the same' "103" "$(named wc -l)"
check 'name most certificates by digest' [ "$(named grep -c x5t)" -gt 50 ]
stop "$receiver"
start_receiver client2 --json
expect 0 '--signer-id always' send client1 --count 20 --signer-id always
expect 0 'members that sign once' send client3 --count 4
equal 'present it with each message' '24 x5c' "$(named uniq -c)"
