#!/usr/bin/env bash
# Who pays: repeated, old and refused requests, large structures, revocations one by one, and what they
# may cost the CA and its other clients.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 20 10 >manifest.yaml
"$certpool" init -q >out
for client in client1 client2; do "$certpool" request $client -q >out; done
start_ca

lines() { ask_record ca 'select count(*) from audit'; }
log_size() { ask_record ca 'select sum(length(line)) from audit'; }
metric() { curl -s "$CERTPOOL_CA/metrics" | sed -n "s/^certpool_$1 //p"; }
claims() { printf '"iss":"%s","aud":"ca","iat":%d,"jti":"%s"' "$1" "$2" "$(jti)"; }
seal_for() { seal "$1/Private/shared_ca.jwk" "${2-certpool.certificates}"; }
# member CLIENT IAT: a request for the client's first member.
member() {
	printf '{%s,"requests":{"key1":%s}}' "$(claims "$1" "$2")" "$(jq -Rs . "$1/CSR_file/csr_key1.csr")"
}
# repeat N FILE: posts the file so many times. The server ignores the query.
repeat() {
	curl -s -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/jose' --data-binary "@$2" \
		"$CERTPOOL_CA/v1/certificates?[1-$1]" >codes
}

# catalogue 108: one captured request, stale and fresh, again and again.
member client1 $(($(date +%s) - 326)) | seal_for client1 >stale.jwe
before=$(lines)
repeat 5000 stale.jwe
equal 'a request of 326 s ago, 5,000 times: no line more in the audit log' "$before" "$(lines)"
equal 'most are turned away unread' yes "$([ "$(grep -c 503 codes)" -gt 4000 ] && echo yes)"
equal 'all are counted' 5000 "$(($(metric 'refusals_total{type="stale"}') + $(metric 'refusals_total{type="replayed"}')))"

"$certpool" client set client1 --requests-per-minute 2 -q >out
member client1 "$(date +%s)" | seal_for client1 >fresh.jwe
equal 'a fresh one is answered' 200 "$(post /v1/certificates fresh.jwe)"
before=$(lines)
repeat 2000 fresh.jwe
equal 'and repeated it is no line more' "$before" "$(lines)"
expect 0 'its client can still enroll' "$certpool" enroll client1
equal 'and was never over its rate' '' "$(metric 'refusals_total{type="rate"}')"
"$certpool" client set client1 --requests-per-minute 6000 -q >out

# catalogue 109: 100 batches of 1,000 empty requests each.
jq -nc '[range(1000) | {key: "key\(. + 1)", value: ""}] | from_entries' >empty.json
before=$(log_size)
began=$SECONDS
for _ in $(seq 100); do
	printf '{%s,"requests":%s}' "$(claims client2 "$(date +%s)")" "$(cat empty.json)" | seal_for client2 >refused.jwe
	post /v1/certificates refused.jwe >code
done
minutes=$(((SECONDS - began) / 60))
grown=$(($(log_size) - before))
echo "# 100 batches of 1,000 refused requests: the audit log grew by $grown octets"
equal '100,000 refusals make the log grow by lines' yes "$([ "$grown" -lt $((10000 * (minutes + 1))) ] && echo yes)"
line=$("$certpool" audit list --json | grep '"by":"client2"' | head -n 1)
equal 'the first batch has one' '1000 refused' "$(jq -r '"\(.count) \(.event)"' <<<"$line")"
equal 'with its first five refusals' 'key1 key2 key3 key4 key5' "$(jq -r .detail <<<"$line" | grep -o 'key[0-9]*' | xargs)"
member client2 "$(date +%s)" | seal_for client2 >good.jwe
equal 'the client is served as before' 200 "$(post /v1/certificates good.jwe)"

# catalogue 110: 12 MiB of structure, in a body of 16 MiB.
kilobytes() { sed -n "s/^$1:[[:space:]]*\([0-9]*\) kB$/\1/p" "/proc/$ca/status"; }
structure() { # HEAD UNIT TAIL: prints the requests, 12 MB of them
	printf '%s' "$1"
	yes "$2" | tr -d '\n' | head -c $((12500000 / ${#2} * ${#2}))
	printf '%s' "$3"
}
takes() { # NAME COMMAND…: posts the requests that the command prints
	local peak
	{ printf '{%s,"requests":' "$(claims client1 "$(date +%s)")" && "${@:2}" && printf '}'; } | seal_for client1 >large.jwe
	echo 5 >"/proc/$ca/clear_refs"
	equal "$1: is answered" 200 "$(post /v1/certificates large.jwe)"
	peak=$(($(kilobytes VmHWM) - before))
	echo "# $1: $peak kB more"
	equal "$1: takes less than 64 MB" yes "$([ "$peak" -lt 62500 ] && echo yes)"
}
long_requests() { jq -nc '[range(1000) | {key: "key\(. + 1)", value: ("x" * 12400)}] | from_entries'; }
if [ "$(id -u)" -eq 0 ] && ! sanitized && [ -w "/proc/$ca/clear_refs" ]; then
	before=$(kilobytes VmRSS)
	takes 'a body of empty arrays' structure '[' '[],' '[]]'
	takes 'a body of empty objects' structure '[' '{},' '{}]'
	takes 'a body of brackets' structure '' '[' ''
	takes 'a body of commas' structure '[' ',' ']'
	takes 'a body of one string of escapes' structure '"' '\u0041' '"'
	takes 'a body of one number' structure '1' '0' ''
	takes 'a body of 1,000 long requests' long_requests
else
	skip 'the memory that a body takes' 'this needs root, and no sanitizer'
fi
check 'the CA still stands' kill -0 "$ca"

# catalogue 114: a client that revokes one by one does not cause a CRL each.
expect 0 'a pool' "$certpool" enroll client2
crls() { ask_record ca "select count(*) from audit where line like '%\"event\":\"crl\"%'"; }
made=$(crls)
began=$SECONDS
for i in 1 2 3 4 5 6 7 8 9; do "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 $i --json -q >>revoked || fail "revoke $i"; done
last=$(jq -r 'select(.crl_number) | .crl_number' revoked | tail -n 1)
serial=$(openssl x509 -noout -serial -in client2/cert/cert_key9.crt | cut -d= -f2)
equal 'OCSP has the last one at once' revoked "$(openssl ocsp -issuer ca/cert/root.crt -cert client2/cert/cert_key9.crt \
	-url "$CERTPOOL_CA/ocsp" -CAfile ca/cert/root.crt 2>&1 | sed -n 's/^.*key9.crt: //p')"
has_last() { openssl crl -inform DER -noout -text -in <(curl -s "$CERTPOOL_CA/crl") | grep -q "Serial Number: $serial"; }
check 'the CRL soon' eventually has_last
equal 'of the number that the answer said' "$last" \
	"$(printf '%d' "$(openssl crl -inform DER -noout -crlnumber -in <(curl -s "$CERTPOOL_CA/crl") | cut -d= -f2)")"
made=$(($(crls) - made))
# Of a record that several front ends share, they are to have it within a second.
if [ -n "$store" ]; then allowed=$((2 * (SECONDS - began) + 3)); else allowed=$(((SECONDS - began) / 10 + 1)); fi
check 'nine revocations made few CRLs' test $made -le $allowed
echo "# nine revocations made $made CRLs"
check 'an operator'\''s is on the CRL when revoke returns' "$certpool" revoke client1/1
serial=$(openssl x509 -noout -serial -in client1/cert/cert_key1.crt | cut -d= -f2)
check 'which the CA hands out' has_last

# The counts that had no line yet are in the log when the CA ends.
stop "$ca"
equal 'every refusal is counted in the log' 100000 \
	"$("$certpool" audit list --json | jq -s 'map(select(.event == "refused" and .by == "client2").count) | add')"
expect 0 'and the log is whole' "$certpool" audit verify

# OCSP has a limit for each address.
sed -i 's|^ca: {|ca: {ocsp: {requests_per_minute: 1}, |' manifest.yaml
start_ca
openssl ocsp -issuer ca/cert/root.crt -cert client1/cert/cert_key2.crt -reqout question >out 2>&1
ask() { curl -s -H 'Content-Type: application/ocsp-request' --data-binary @question "$CERTPOOL_CA/ocsp" | openssl ocsp -respin /dev/stdin -noverify -resp_text 2>&1; }
check 'OCSP answers' grep -q 'Cert Status: good' <(ask)
check 'and not more often than an address may ask' grep -q 'trylater' <(ask)
check 'which is logged' eventually grep -qE '127\.[0-9.]* asks more often than ca\.ocsp\.requests_per_minute allows' serve.err
