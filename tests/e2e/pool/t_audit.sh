#!/usr/bin/env bash
# Whether pools can be told apart: pool audit.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://127.0.0.1:0"$store}
clients:
  client1: {pool: {size: 6}}
  client2: {pool: {size: 6}}
  client3: {pool: {size: 8, subject: "CN={random}"}}
  client4: {pool: {size: 8, subject: "CN={random}"}}
END
"$certpool" init -q >out
start_ca
expect 4 'a record without certificates' "$certpool" pool audit --ca
for client in client1 client2; do "$certpool" request $client -q >out; done
expect 4 'pools without certificates' "$certpool" pool audit client1 client2
"$certpool" enroll client1 -q >out
expect 0 'what one pool may share is no finding' "$certpool" pool audit --ca --at-least 1 --window 100y
says 'and it says so' ': 6 certificates: nothing tells the pools apart$'
"$certpool" enroll client2 -q >out

# One window for both, also at midnight.
audit() { "$certpool" pool audit --window 100y "$@"; }
expect 3 'pools of the default profile' audit client1 client2
prints 'the client is in the subject' '^client1: part of subject: .*"client1" in 6 of its certificates, and in those of 1 pool in all: expected 2$'
prints 'of each' '^client2: part of subject: .*"client2"'
prints 'the wire shows the kid' '^client1: kid: ca has an http:// endpoint'
prints 'and who may see a certificate twice' '^client1: x5c: with reuse: random the certificate tells a receiver, and another one, that messages are by one member: expected once_only$'
says 'the sum is on standard error' ': audit: [0-9]+ findings in 12 certificates$'
expect 3 'over the record' audit --ca
prints 'the same' '^client1: part of subject: .*"client1"'
check_not 'the record has no wire' grep -E '^client1: (kid|x5c|message size)' out
expect 3 '--json' audit --ca --json
equal 'has client and field' 'client1 part of subject' "$(jq -r 'select(.client == "client1" and .field == "part of subject") | "\(.client) \(.field)"' out)"
expect 3 'a pool alone' audit client1
prints 'cannot be compared' '^client1: window: .* 6 of its certificates, beside those of 0 other pools: expected 2 or more in all$'

# What docs/privacy.md has one set. Of eight random texts that chance lets begin, or end, with the same character the
# audit would say so: that has a probability below 10^-7.
for client in client3 client4; do "$certpool" request $client -q >out && "$certpool" enroll $client -q >out; done
expect 3 'random subjects' audit client1 client3 client4
check_not 'tell nothing' grep -E '^client[34]: .*subject' out
prints 'beside a subject with a name' '^client1: part of subject: '

# What is revoked at once stands together on the CRL, too.
"$certpool" revoke client1 --yes -q >out
"$certpool" crl -q >out
expect 3 'a client that was revoked' audit --ca
prints 'is found on the CRL' '^client1: revocation time: on the CRL: "[0-9TZ:-]+" in 6 of its certificates'
prints 'and its reason, which no other has' '^client1: revocation reason: on the CRL: "unspecified" in 6 of its certificates'

# What messages show: the fields of the findings about them.
wire() { # POOL SCHEME-OF-CLIENT2 NAME-OF-CLIENT2
	cat >wire.yaml <<-END
		version: 1
		ca: {layout: ca, endpoint: "https://127.0.0.1:0"}
		clients:
		  client3: {pool: {size: 6, subject: "CN={random}", $1}}
		  $3: {pool: {size: 1}, endpoint: "$2://127.0.0.1:0"}
	END
	"$certpool" pool audit client3 --manifest wire.yaml >findings 2>problems
	# Without findings, and with them: all else is no answer.
	case $? in
	0 | 3) sed -nE 's/^client3: (kid|x5c|message size): .*/\1/p' findings | xargs ;;
	*) echo "no answer: $(cat problems)" ;;
	esac
}
equal 'over TLS, by a member for each message: nothing' '' "$(wire 'reuse: once_only' https client2)"
equal 'over http: the kid' 'kid' "$(wire 'reuse: once_only' http client2)"
for reuse in random limited_time rotating-batch per-relying-party; do
	equal "a member twice ($reuse): its certificate, and the length without it" 'x5c message size' \
		"$(wire "reuse: $reuse" https client2)"
done
check 'which is what an option of send is against' grep -q 'have its certificate, the later ones its digest, .*send --signer-id always' findings
equal 'a member twice (on_empty: reuse): its certificate alone' 'x5c' "$(wire 'reuse: once_only, on_empty: reuse' https client2)"
equal 'a name of another length: the size' 'message size' "$(wire 'reuse: once_only' https client33)"

# Usage.
expect 2 'no clients' "$certpool" pool audit
expect 2 'clients and --ca' "$certpool" pool audit client1 --ca
expect 2 'a client twice' "$certpool" pool audit client1 client1
expect 2 'another act' "$certpool" pool count client1
expect 4 'a client that is not in the manifest' "$certpool" pool audit nobody
