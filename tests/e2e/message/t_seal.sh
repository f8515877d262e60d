#!/usr/bin/env bash
# A message for everybody: seal, open.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 3 2 >manifest.yaml
"$certpool" init -q >out
start_ca
"$certpool" request client1 -q >out
expect 4 'seal without a certificate' "$certpool" seal client1 x
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
root=$(realpath client2/cert/root.crt)

# The signed octets come back, in another directory: without a manifest, a layout or a key.
mkdir elsewhere
open() { (cd elsewhere && exec "$certpool" open --root "$root" "$@"); }
printf 'a\0b\377\n\033[31m' >octets
expect 0 'a file is sealed' "$certpool" seal client1 --file octets --output octets.jws
says 'it says which member signed' ': signed by member [123], certificate [0-9a-f]{40}$'
check 'it is one line, a JWS' grep -qxE '[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}' octets.jws
expect 0 'it is opened' open --file ../octets.jws
check 'to M, octet for octet' cmp out octets
says 'and says who signed, and when' ': verified: signed at 20[0-9TZ:-]+, certificate [0-9a-f]{40}, CN=client1-[123]$'
expect 0 'an empty M through pipes' sh -c "'$certpool' seal client1 '' -q | '$certpool' open --root '$root' -q"
equal 'is empty' '' "$(cat out err)"
expect 0 'a text without its line end' sh -c "'$certpool' seal client1 bonjour -q | tr -d '\n' | '$certpool' open --root '$root'"
equal 'arrives' bonjour "$(cat out)"
expect 6 'a file that is there' "$certpool" seal client1 --output octets.jws x
expect 0 'M to a file' open --file ../octets.jws --output octets
check 'is M' cmp elsewhere/octets octets
expect 6 'which is not overwritten' open --file ../octets.jws --output octets
header() { cut -d. -f1 "$1" | tr -- '-_' '+/' | base64 -d 2>/dev/null; }
check 'no node is named in the header' jq -e '.alg == "ES256" and ((has("iss") or has("aud")) | not)' <(header octets.jws)
expect 0 'one member is chosen' "$certpool" seal client1 --member 2 --json x
jq -r .jws out >two.jws
serial=$(openssl x509 -serial -noout -in client1/cert/cert_key2.crt | cut -d= -f2 | tr A-F a-f)
equal 'and signs' "2 $serial" "$(jq -r '"\(.member) \(.serial)"' out)"
expect 0 'open --json' open --json --file ../two.jws
equal 'has verdict, signer and M' "verified CN=client1-2 $serial x" "$(jq -r '"\(.verdict) \(.subject) \(.serial) \(.message|@base64d)"' out)"
check 'and time and jti' jq -e '(.jti|length==22) and (.time|fromdate>0)' out
expect 0 'with -o - the message is in the object alone' "$certpool" seal client1 --json -o - x
jq -r .jws out >object.jws
expect 0 'which is one' open --json -o - --file ../object.jws
equal 'and so is M' x "$(jq -r '.message|@base64d' out)"
expect 0 'without --json -o - is standard output' sh -c "'$certpool' seal client1 -q -o - bonjour | '$certpool' open -q --root '$root' -o -"
equal 'too' bonjour "$(cat out)"

# Usage.
expect 2 'open without a root' "$certpool" open --file octets.jws
says 'says what is needed' '--root FILE'
expect 2 'seal of a text and a file' "$certpool" seal client1 --file octets x
expect 4 'a root that is not there' "$certpool" open --root nowhere --file octets.jws
expect 3 'a root that is none' open --root "$(realpath client1/cert/cert_key1.crt)" --file ../octets.jws
says 'is named' 'cert_key1.crt: not a root certificate'

# catalogue 10, 17, 22: what was altered, another's, or meant for one receiver
for part in 1 2 3; do
	awk -F. -v OFS=. -v part=$part '{ c = substr($part, 9, 1); $part = substr($part, 1, 8) (c == "A" ? "B" : "A") substr($part, 10); print }' two.jws >forged.jws
	expect 3 "a message altered in part $part" open --file ../forged.jws
	silent "of which nothing is printed ($part)"
done
"$certpool" seal client1 -q bonjour >long.jws
awk -F. -v OFS=. 'NR == FNR { m = $2; next } { $2 = m; print }' long.jws two.jws >forged.jws
expect 3 'M of another message' open --json --file ../forged.jws
equal 'the verdict has the reason and no M' 'refused true null' "$(jq -r '"\(.verdict) \(.reason|test("signature")) \(.message)"' out)"
sed 's/layout: ca/layout: other/; s/client\([12]\):/other\1:/' manifest.yaml >other.yaml
if [ -n "$store" ]; then own_record other.yaml other; fi
"$certpool" init -q -m other.yaml >out
expect 3 'the root of another CA' open --root "$(realpath other/cert/root.crt)" --file ../two.jws
start_receiver client2
key=$(basename "$(ls client2/Private/*client1*.jwk)" .jwk)
check 'client2 shares a key with client1' test -n "$key"
"$certpool" seal client1 -q 'for all' | tr -d '\n' >all.jws
jose jwe enc -c -I all.jws -k "client2/Private/$key.jwk" -i "$(jq -c '{protected: {alg: "A256KW", enc: "A256GCM", kid: .kid, typ: "certpool.message", cty: "jose"}}' "client2/Private/$key.jwk")" >all.jwe
expect 3 'a sealed message in an encrypted one' "$certpool" send client1 client2 --endpoint "$inbox" --deliver all.jwe
says 'is refused: it has no receiver' 'aud'
stop "$receiver"
"$certpool" send client1 client2 -q --output one.jwe 'for client2 alone'
jose jwe dec -i one.jwe -k "client2/Private/$key.jwk" >one.jws
expect 3 'what was inside an encrypted message' open --file ../one.jws
says 'is refused: it names its sender' 'member "iss" is not allowed'

# Times: a message may be opened while its certificate is valid, and no older than --max-age.
expect 0 'within --max-age' open --max-age 1d --file ../two.jws
later() { date -ud "+$1" +%FT%TZ; }
expect 3 'older than --max-age' open --max-age 1h --at "$(later 2hours)" --file ../two.jws
says 'says so' 'iat: expected at most 3600 s ago'
expect 0 'without it any age' open --at "$(later 2hours)" --file ../two.jws
expect 3 'after the end of its certificate' open --at "$(later 20years)" --file ../two.jws
expect 3 'a message of hours to come' open --at "$(later '-1hour')" --file ../two.jws

# Revocation, by the CRL.
"$certpool" crl -q -o crl.pem
expect 0 'a certificate that is on no CRL' open --crl ../crl.pem --file ../two.jws
"$certpool" revoke client1/2 -q >out
"$certpool" crl -q -o revoked.pem
expect 3 'a revoked one' open --crl ../revoked.pem --file ../two.jws
says 'says so' 'revoked'
expect 3 'without the CRL of the issuer' open --crl ../other/cert/root.crl --file ../two.jws
silent 'nothing is printed'
