#!/usr/bin/env bash
# ACME with ca.profile: pseudonymous: whatever a client's request says, certificates have the names of the order and
# nothing else of it, and tell nothing of the client.
# shellcheck source-path=SCRIPTDIR source=../acme.sh
. "$(dirname "$0")/../acme.sh"
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# The program's clock begins at the last noon of UTC, so that its certificates are of one day.
clocked at_noon "-$((($(date +%s) + 43200) % 86400))s"
certpool=$PWD/at_noon
port=$(free_port 20000)
cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "https://$host:$port"$store, acme: {}, profile: pseudonymous}
clients:
  client1: {policy: {usages: [client, server], alt_names: ["DNS:www.example.org", "DNS:mail.example.org"]}}
  client2: {policy: {usages: [client, server], alt_names: ["DNS:shop.example.org", "DNS:db.example.org"]}}
END
"$certpool" init -q >out
base=https://$host:$port/acme
export CURL_CA_BUNDLE=$PWD/ca/cert/root.crt
start serve serve

# as CLIENT: what follows is asked by an account of that client.
as() {
	"$certpool" client acme "$1" --json >credentials
	acme_binding credentials
	rm -f account.jwk
	jose jwk gen -i '{"alg":"ES256"}' -o account.jwk
	equal "$1: an account" 201 "$(ask_by_key account.jwk "$base/new-account" "{\"externalAccountBinding\":$(binding account.jwk "$1" "$base/new-account")}")"
	kid=$(field Location)
}
# order NAME: prints the status; sets what finalize asks for.
order() { ask "$base/new-order" "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"$1\"}]}"; }
# get NAME KEY SUBJECT FILE: a certificate for that name, by a request with that key and subject.
get() {
	order "$1" >status
	ask "$(jq -r .finalize answer)" "{\"csr\":\"$(csr "$2" "DNS:$1" "$3")\"}" >status
	ask "$(jq -r .certificate answer)" '' >status
	openssl x509 -in answer -out "$4" 2>openssl.log
}
about() { openssl x509 -noout "$@" 2>>openssl.log; }
days() { # FILE: whether both its times are midnights of UTC
	local time
	for time in -startdate -enddate; do
		[ $(($(date -d "$(about $time -in "$1" | cut -d= -f2)" +%s) % 86400)) -eq 0 ] || return
	done
}

as client1
new_key one.pem
check 'a certificate by a request that names the client' get www.example.org one.pem '/CN=www.example.org' one.crt
new_key two.pem
check 'another' get mail.example.org two.pem / two.crt
first=$kid
cp account.jwk first.jwk
as client2
new_key three.pem
check "another client's" get shop.example.org three.pem / three.crt
for certificate in one two three; do
	check "$certificate: openssl verifies it" openssl verify -x509_strict -CAfile ca/cert/root.crt $certificate.crt
	equal "$certificate: no subject" 'subject=' "$(about -subject -in $certificate.crt)"
	check "$certificate: critical names" grep -q 'Subject Alternative Name: critical' <(about -text -in $certificate.crt)
	check "$certificate: from midnight to midnight" days $certificate.crt
	check_not "$certificate: no client's name" grep -q 'client[12]' <(openssl x509 -in $certificate.crt -outform DER | strings)
done
equal 'and the name of the order alone' DNS:www.example.org "$(about -ext subjectAltName -in one.crt | sed -n '2s/^ *//p')"
equal 'the same times for all' 1 "$(for certificate in one two three; do about -dates -in $certificate.crt | paste -sd' '; done | sort -u | wc -l)"
equal 'the record knows whose they are' 'client1 client1 client2' "$("$certpool" list --json | jq -r 'select(.serial != null and (.client | test("^client"))) | .client' | sort | paste -sd' ')"

# Keys are of one type: another one would tell its pool.
equal 'an order' 201 "$(order db.example.org)"
finalize=$(jq -r .finalize answer)
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out large.pem 2>openssl.log
refuses 'a key of another type' 400 badCSR "$(ask "$finalize" "{\"csr\":\"$(csr large.pem DNS:db.example.org /)\"}")"
check 'is refused by its name' grep -q 'ecdsa-p384' answer
new_key small.pem
equal 'one of that type is certified' 200 "$(ask "$finalize" "{\"csr\":\"$(csr small.pem DNS:db.example.org /)\"}")"

# A revocation has the hour.
mv first.jwk account.jwk
kid=$first
equal 'the account revokes a certificate' 200 "$(ask "$base/revoke-cert" "{\"certificate\":\"$(openssl x509 -in one.crt -outform DER | basenc --base64url -w0 | tr -d =)\"}")"
revoked=$("$certpool" list --revoked --json | jq -r '.revoked_at | fromdate')
check 'it is revoked' test -n "$revoked"
equal 'at the hour' 0 $((revoked % 3600))
expect 0 'the CRL' "$certpool" crl -q
check 'check finds nothing' "$certpool" check
