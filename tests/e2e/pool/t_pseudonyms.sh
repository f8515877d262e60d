#!/usr/bin/env bash
# ca.profile: pseudonymous: certificates that tell nothing of their pool, by each way to get one; who has them is in the
# record; revocations have the hour.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

every=86400
manifest_of() {
	cat <<-END
		version: 1
		ca: {layout: ca, endpoint: "https://$host:0"$store, profile: $1, ocsp: {url: "http://$host:1/ocsp"}}
		clients:
		  client1: {pool: {size: 8}}
		  client2: {pool: {size: 8$2}}
		  client3: {endpoint: "http://$host:0", pool: {size: 1}}
		  dev: {policy: {alt_names: ["DNS:unit.example"]}}
	END
}
manifest_of pseudonymous ', key: ed25519' >manifest.yaml
expect 2 'a key of another type' "$certpool" status
says 'is refused' '5:[0-9]+: clients\.client2\.pool\.key: expected ecdsa-p256, the one type of keys with ca\.profile: pseudonymous'
manifest_of pseudonymous '' >manifest.yaml

# The clock of the test begins twenty minutes after midnight UTC, whatever the machine's shows.
clocked clocked "$PWD/clock"
certpool=$PWD/clocked
first=$((($(date +%s) / every + 1) * every))
after() { move_clock "$folder/clock" $((first + 1200 + $1 - $(date +%s))); }
after 0
moment() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
subject() { openssl x509 -noout -subject -in "$1" | sed 's/^subject=//;s/ //g'; }
times() { openssl x509 -noout -startdate -enddate -in "$1" | cut -d= -f2 | while read -r time; do date -d "$time" +%s; done | paste -sd' '; }
pseudonyms() { for file in "$@"; do subject "$file"; done | grep -cxE 'CN=[0-9a-f]{32}'; }

"$certpool" init -q >out
start_https_ca
for client in client1 client2 client3; do
	"$certpool" request $client -q >out
	expect 0 "$client: enroll" "$certpool" enroll $client
	after $((${client#client} * 300))
done
check 'requests have their client in them, as always' grep -q 'CN *= *client1-1' <<<"$(openssl req -noout -subject -in client1/CSR_file/csr_key1.csr)"
equal 'certificates have other subjects' 16 "$(pseudonyms client[12]/cert/cert_key*.crt)"
equal 'each its own' 16 "$(for file in client[12]/cert/cert_key*.crt; do subject "$file"; done | sort -u | wc -l)"
equal 'from midnight to midnight' "$first $((first + 90 * every))" "$(for file in client[12]/cert/cert_key*.crt; do times "$file"; done | sort -u)"
check_not 'no certificate has a name in it' grep -qE 'client[12]' <<<"$(for file in client[12]/cert/*.crt; do openssl x509 -outform DER -in "$file" | strings; done)"
"$certpool" pool audit --ca --json >out 2>err
equal 'nothing but an order by chance tells the pools apart' '' \
	"$(jq -r 'select(.client | IN("client1", "client2")) | select(.field != "serial") | .field' out)"

# The record knows them.
"$certpool" list --client client1 --json >out
equal 'list goes by client' 'client1 8' "$(jq -r .client out | uniq -c | awk '{print $2, $1}')"
check 'with subjects as they are' grep -qF -e "$(subject client1/cert/cert_key3.crt)" out
check 'check finds nothing' "$certpool" check
expect 0 'members are in order' "$certpool" check client1
before=$(subject client1/cert/cert_key2.crt)
expect 0 'renew' "$certpool" renew client1/2 -q
equal 'gives another pseudonym' 1 "$(pseudonyms client1/cert/cert_key2.crt)"
check_not 'not the one before' test "$before" = "$(subject client1/cert/cert_key2.crt)"
rm client1/cert/cert_key4.crt
expect 0 'repair' "$certpool" repair client1 --ca "$CERTPOOL_CA" -q
equal 'has a certificate again' 8 "$(pseudonyms client1/cert/cert_key*.crt)"

# What the operator sets may not undo it.
expect 2 'a subject' "$certpool" client set dev --subject CN=unit
says 'is the CA'"'"'s' 'subject: expected none with ca\.profile: pseudonymous, as the CA draws'
expect 2 'keys' "$certpool" client set dev --keys ed25519
says 'are of one type' 'keys: expected none with ca\.profile: pseudonymous, whose one type .* says: ecdsa-p256$'
expect 2 'a validity' "$certpool" client set dev --validity 47h
says 'is two days at least' 'validity: expected at least 172800 s with ca\.profile: pseudonymous, as times .* found 169200 s'
expect 2 'names' "$certpool" client set dev --alt-names 'DNS:{client}.example'
says 'are not the client'"'"'s' 'alt-names: expected no \{client\} with ca\.profile: pseudonymous'

manifest_of default '' >manifest.yaml
kill -HUP "$ca"
check 'another profile is refused whole at SIGHUP' eventually grep -q 'SIGHUP: manifest\.yaml: ca\.profile: expected the one that is served: stop certpool serve' serve.err
manifest_of pseudonymous '' >manifest.yaml

# A receiver takes messages, and knows the sender by the shared key.
start_receiver client3
expect 0 'a message' "$certpool" send client1 client3 hello --endpoint "$endpoint" --json
prints 'is verified' '"verdict":"verified"'
kill "$server"

# EST: other people's requests say what they like.
est=$CERTPOOL_CA/.well-known/est
password=$("$certpool" client password dev)
ask() {
	under_clock "$folder/clock" curl -s --cacert ca/cert/root.crt -o answer -w '%{http_code}' -u "dev:$password" -H 'Content-Type: application/pkcs10' \
		--data-binary "@$1" "$est/simpleenroll"
}
request() { # NAME CURVE OPTION…
	openssl req -new -newkey ec -pkeyopt "ec_paramgen_curve:$2" -nodes -keyout "$1.key" -subj "/CN=device 17" "${@:3}" -outform DER 2>openssl.log |
		base64 -w0 >"$1.b64"
}
certificate() { base64 -d answer | openssl pkcs7 -inform DER -print_certs | openssl x509 -out "$1"; }
request one P-256
equal 'by EST' 200 "$(ask one.b64)"
certificate one.crt
equal 'a pseudonym' 1 "$(pseudonyms one.crt)"
equal 'with the same times' "$first $((first + 90 * every))" "$(times one.crt)"
equal 'asked for again' 200 "$(ask one.b64)"
certificate again.crt
check 'it is the same' cmp one.crt again.crt
request named P-256 -addext 'subjectAltName=DNS:unit.example'
equal 'with an alternative name' 200 "$(ask named.b64)"
certificate named.crt
equal 'no subject' '' "$(subject named.crt)"
check 'and the name is critical' grep -q 'Alternative Name: critical' <<<"$(openssl x509 -noout -text -in named.crt)"
request renewed P-256
equal 'a renewal under a name of its own' 200 \
	"$(under_clock "$folder/clock" curl -s --cacert ca/cert/root.crt --cert one.crt --key one.key -o answer -w '%{http_code}' \
		-H 'Content-Type: application/pkcs10' --data-binary @renewed.b64 "$est/simplereenroll")"
certificate renewed.crt
equal 'another pseudonym' '1 different' "$(pseudonyms renewed.crt) $([ "$(subject one.crt)" = "$(subject renewed.crt)" ] || echo different)"
request other P-384
equal 'a key of another type' 403 "$(ask other.b64)"
check 'is refused' grep -q 'keys of type ecdsa-p384 are not allowed' answer

# Revocations have the hour, but for a key that somebody else has.
revoked_at() { "$certpool" list --revoked --json | jq -r --arg member "$1" 'select(.member == $member and .client == "client2") | .revoked_at'; }
after 5400
expect 0 'revoke' "$certpool" revoke client2/1 -q
expect 0 'in that hour' "$certpool" revoke client2/2 --reason superseded -q
after 5500
expect 0 'a stolen key' "$certpool" revoke client2/3 --reason keyCompromise -q
expect 0 'by the client itself' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 4 -q
equal 'the hour' "$(moment $((first + 3600)))" "$(revoked_at key1)"
equal 'also of another reason' "$(moment $((first + 3600)))" "$(revoked_at key2)"
equal 'also when a client asks' "$(moment $((first + 3600)))" "$(revoked_at key4)"
exact=$(revoked_at key3)
check 'a stolen key has a time' test -n "$exact"
check_not 'which is exact' test "$(moment $((first + 3600)))" = "$exact"
expect 0 'the CRL' "$certpool" crl -q
openssl crl -inform DER -in ca/cert/ca.crl -noout -text >crl.txt
equal 'has it too' 3 "$(grep -c "Revocation Date: .* 01:00:00 .*GMT" crl.txt)"
equal 'at once' 4 "$(grep -c 'Revocation Date' crl.txt)"
check 'the record agrees with the CRL' "$certpool" check
expect 0 'the log' "$certpool" audit list --client client2 --json
check 'has the exact time' grep -qE "\"event\":\"revoked\".*$(moment $((first + 6600)) | cut -c1-14)|$(moment $((first + 6600)) | cut -c1-14).*\"event\":\"revoked\"" out
