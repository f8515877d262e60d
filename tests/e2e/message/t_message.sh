#!/usr/bin/env bash
# Part 2: send, receive.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 3 2 '  client3: {pool: {size: 1}, endpoint: "http://127.0.0.1:0", message_limit: 1000}' >manifest.yaml
"$certpool" init -q >out
start_ca
expect 4 'send without a certificate' sh -c "'$certpool' request client1 -q >/dev/null; '$certpool' send client1 client2 x --endpoint http://127.0.0.1:1"
for client in client1 client2 client3; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
expect 2 'receive without an endpoint' "$certpool" receive client1
says 'says what to do' '--listen'
expect 7 'send when nobody listens' "$certpool" send client1 client2 x --endpoint http://127.0.0.1:1

start_receiver client2
send() { "$certpool" send client1 client2 --endpoint "$inbox" "$@"; }
printed() { cmp receive.out "$1"; }
expect 7 'a second receive on the layout is refused' "$certpool" receive client2 --listen "http://$host:0"
expect 0 'an argument is sent' send 'bonjour'
prints 'it says which member signed' '^verified: signed by member [123], certificate [0-9a-f]{40}$'
expect 0 'standard input is sent' sh -c "printf 'from a pipe' | '$certpool' send client1 client2 --endpoint $inbox"
printf 'a\0b\377\n\033[31m' >octets
expect 0 'a file is sent' send --file octets
expect 0 'nothing is sent' send ''
expect 0 'what looks like an option is sent after --' send -- --json
{ printf 'bonjour\nfrom a pipe\n' && cat octets && printf '\n\n--json\n'; } >expected
check 'all of it arrives octet for octet' printed expected
expect 2 'both an argument and a file' send x --file octets
expect 4 'a file that is not there' send --file nowhere
serial=$(openssl x509 -serial -noout -in client1/cert/cert_key2.crt | cut -d= -f2 | tr A-F a-f)
expect 0 'one member is chosen' send --member 2 --json x
equal 'and signs' "2 $serial verified" "$(jq -r '"\(.member) \(.serial) \(.verdict)"' out)"
check 'its certificate is kept by the receiver' openssl verify -CAfile client2/cert/root.crt "client2/received/$serial.crt"
expect 4 'a member that the pool does not have' send --member 9 x
expect 0 'many messages' send --count 60 --json many
equal 'each is answered' 60 "$(jq -r .verdict out | grep -c verified)"
equal 'each member signs some' '1 2 3' "$(jq -r .member out | sort -u | tr '\n' ' ' | sed 's/ $//')"
head -c 1048576 /dev/urandom >large
expect 0 'one mebibyte' send --file large
printf x >>large
expect 1 'one octet more' send --file large
says 'says the limit' '1048576'

# catalogue 17, 21, 22, 61-64: anything but a fresh message from client1 to client2
expect 0 'a message is written' send --output message.jwe 'once'
check 'it is a JWE' grep -qE '^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){4}$' message.jwe
expect 6 'and not overwritten' send --output message.jwe 'again'
expect 0 'to standard output' send --output - twice
cp out twice.jwe
expect 0 'it is delivered' send --deliver message.jwe
equal 'it arrives' once "$(tail -n 1 receive.out)"
expect 3 'delivered again it is a replay' send --deliver message.jwe
says 'and refused as one' 'taken before'
expect 0 'from standard input' sh -c "'$certpool' send client1 client2 --endpoint $inbox --deliver - <twice.jwe"
expect 2 '--deliver with a text' send --deliver message.jwe x
expect 2 '--output with a count' send --output more.jwe --count 2 x

expect 0 'a message is explained, and sent' send --explain --member 2 'bonjour'
prints 'M' '^bonjour$'
prints 'the header of the JWS' '^  header +\{"alg":"ES256",.*"typ":"certpool.message".*\}$'
prints 'the header of the JWE' '^  header +\{"alg":"A256KW",.*"enc":"A256GCM".*\}$'
prints 'and the verdict' "^verified: signed by member 2, certificate $serial$"
equal 'the explained message has arrived' bonjour "$(tail -n 1 receive.out)"
expect 0 'one is explained as JSON, and written' send --explain --json --output explained.jwe 'bonjour'
equal 'the parts are those of the file' "$(cut -d. -f2- explained.jwe)" "$(jq -r '[.jwe_encrypted_key, .jwe_iv, .jwe_ciphertext, .jwe_tag] | join(".")' out)"
equal 'and of the JWS in it' "$(jose jwe dec -i explained.jwe -k client2/Private/shared_client1.jwk -O- | cut -d. -f2-)" "$(jq -r '.jws_payload + "." + .jws_signature' out)"
check 'the headers are JSON' jq -e '(.jws_header | fromjson | .alg == "ES256") and (.jwe_header | fromjson | .cty == "jose")' out
expect 2 '--explain with a count' send --explain --count 2 x
expect 2 'or of a message that is there' send --explain --deliver explained.jwe
expect 2 'or between the octets of another on standard output' send --explain --output - x
says 'is refused' 'expected a file in --output'

send --output fresh.jwe fresh
for part in 1 2 3 4 5; do
	awk -F. -v OFS=. -v part=$part '{ c = substr($part, 3, 1); $part = substr($part, 1, 2) (c == "A" ? "B" : "A") substr($part, 4); printf "%s", $0 }' fresh.jwe >forged.jwe
	expect 6 "a message altered in part $part" send --deliver forged.jwe
	cp err refusal.$part
	check "part $part: refused like the others" cmp refusal.1 refusal.$part
done
expect 6 'a message for another node' sh -c "'$certpool' send client1 client3 --output third.jwe x; '$certpool' send client1 client2 --endpoint $inbox --deliver third.jwe"
under_clock +10m "$certpool" send client1 client2 --output new.jwe new
expect 3 'a message of ten minutes hence' send --deliver new.jwe
says 'is refused by its time' 'iat'
check 'each refusal is on standard error' grep -q 'a message from client1: refused' receive.err
check_not 'and none on standard output' grep -qE '^(old|new)$' receive.out
stop "$receiver"
equal 'SIGTERM ends receive with exit status 0' 0 "$stopped"

start_receiver client2 --json
expect 3 'a replay to a receiver that was started again' send --deliver message.jwe
expect 0 'a message' send "$(printf 'caf\303\251')"
equal '--json has the verdict' 'refused verified' "$(jq -r .verdict receive.out | tr '\n' ' ' | sed 's/ $//')"
equal '--json has M in base64' "$(printf 'caf\303\251' | base64)" "$(jq -r 'select(.verdict=="verified").message' receive.out)"
check '--json has who and when' jq -es 'map(select(.verdict=="verified"))[0]|.from=="client1" and (.subject|test("^CN=client1-[123]$")) and (.serial|length==40) and (.jti|length==22) and (.time|fromdate>0)' receive.out
check 'the other has the reason' jq -es 'map(select(.verdict=="refused"))[0].reason|length>0' receive.out
stop "$receiver"

start_receiver client2 --count 3
expect 0 'two messages' send --count 2 x
expect 3 'and a replay' send --deliver message.jwe
wait "$receiver"
equal '--count stops after three, and says that one was refused' 3 $?
start_receiver client2 --count 2
expect 0 'two messages' send --count 2 x
check '--count stops with 0 when all were verified' wait "$receiver"
expect 7 'then nobody listens' send x

start_receiver client2 --online
expect 0 '--online: a certificate that the CA stands by' send --count 5 x
stop "$ca"
# The receiver caches the CA's answers for some seconds.
refused() {
	local status=0
	send x || status=$?
	[ $status -eq 3 ]
}
check '--online: the CA cannot be asked' eventually refused
start_ca
stop "$receiver"
start_receiver client2 --online
ask_record ca "update certificate set revoked_at = $(date +%s), reason = 1"
expect 3 '--online: the CA has revoked it' send x
says 'and the sender is told' 'revoked'
stop "$receiver"

# The receiver's limit counts.
start third receive client3 --listen "http://$host:0"
head -c 1001 /dev/zero | tr '\0' x >long
expect 3 'a message over the receiver'\''s limit' "$certpool" send client1 client3 --endpoint "$endpoint" --file long
truncate -s 1000 long
expect 0 'a message at its limit' "$certpool" send client1 client3 --endpoint "$endpoint" --file long

# catalogue 82: a message whose M cannot be written is not accepted
rm ready && mkfifo ready
"$certpool" receive client2 --listen "http://$host:0" --ready 7 7>ready >/dev/full 2>full.err &
receiver=$!
read -r inbox <ready
send --output kept.jwe kept
expect 3 'the sender is told that it was not taken' send --deliver kept.jwe
wait "$receiver"
equal 'receive ends with exit status 1' 1 $?
check 'and says why' grep -q 'standard output: cannot be written' full.err
start_receiver client2
expect 0 'the message can be delivered again' send --deliver kept.jwe
equal 'and arrives' kept "$(tail -n 1 receive.out)"

# catalogue 63: a message that was delayed too long
stop "$receiver"
send --output old.jwe old
ahead_by +10m
start_receiver client2
launcher=()
expect 3 'a message of ten minutes ago' send --deliver old.jwe
says 'is refused by its time' 'iat'
stop "$receiver"
