#!/usr/bin/env bash
# EST (RFC 7030) over TLS, with curl and openssl alone: enrolment by password, renewal by certificate, and what
# is refused.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, root_layout: root, endpoint: "https://$host:0"$store}
clients:
  dev:
    policy: {subject: "CN={client}-{index}", alt_names: ["DNS:{client}-{index}.example"], usages: [client, server, sign], certificates: 8}
  other: {policy: {subject: "CN=dev-{index}"}}
  narrow: {policy: {keys: [ecdsa-p384], usages: [client, server]}}
  keys: {policy: {usages: [server, key-encipherment]}}
  far: {elsewhere: true, policy: {subject: "CN=far-{index}"}}
END
expect 0 'init' "$certpool" init
start_https_ca -v
est=$endpoint/.well-known/est

# The password is derived from the shared key.
expect 0 'the password' "$certpool" client password dev
password=$(cat out)
equal 'is 256 bits' 43 "${#password}"
equal 'is derived from the shared key (HKDF, RFC 5869)' "$password" "$(openssl kdf -binary -keylen 32 -kdfopt digest:SHA256 \
	-kdfopt hexkey:"$(jq -r .k ca/Private/shared_dev.jwk | jose b64 dec -i- | od -An -v -tx1 | tr -d ' \n')" \
	-kdfopt info:'certpool EST password' HKDF | jose b64 enc -I-)"
equal 'as JSON' "$password" "$("$certpool" client password dev --json | jq -r .password)"
expect 4 'of a client that is there' "$certpool" client password nobody
check_not 'a client that is elsewhere shares no key yet' test -e ca/Private/shared_far.jwk
"$certpool" client disable far -q >out
expect 6 'it gets none while it is disabled' "$certpool" client password far
says 'which is said' 'the client "far" is disabled, and can have no certificates'
check_not 'and none is made' test -e ca/Private/shared_far.jwk
"$certpool" client enable far -q >out
expect 0 'then it gets one' "$certpool" client password far
far=$(cat out)
equal 'once' "$far" "$("$certpool" client password far)"

# ask PATH FILE CURL_OPTION…: posts a request; sets $status, the answer is in answer and its head in head.
ask() {
	status=$(curl -s --cacert root/cert/root.crt -o answer -D head -w '%{http_code}' -H 'Content-Type: application/pkcs10' \
		--data-binary "@$2" "${@:3}" "$est/$1")
}
enroll() { ask simpleenroll "$1" -u "dev:$password" "${@:2}"; }
# request NAME OPTION…: a key and a request in base64, on one line.
request() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" "${@:2}" -outform DER \
		-out "$1.der" 2>openssl.log
	base64 -w0 "$1.der" >"$1.b64"
}
certificate() { base64 -d answer | openssl pkcs7 -inform DER -print_certs -out "$1"; }
refused() { # NAME STATUS TEXT
	equal "$1" "$2" "$status"
	check "$1: says why" grep -qE -- "$3" answer
}

# The CA's certificates, which a device takes on faith or compares.
equal 'cacerts' 200 "$(curl -s -k -o answer -w '%{http_code}' "$est/cacerts")"
certificate cacerts.pem
equal 'has root and issuer' 2 "$(grep -c BEGIN cacerts.pem)"
check 'for openssl' openssl verify -CAfile root/cert/root.crt cacerts.pem
equal 'on one line' 0 "$(wc -l <answer)"

# What is expected of a client's requests (RFC 7030 section 4.5).
attributes() { # PATH CURL_OPTION…
	: >answer
	status=$(curl -s --cacert root/cert/root.crt -o answer -D head -w '%{http_code}' "${@:2}" "$est/$1")
	base64 -d answer >attributes.der 2>openssl.log
}
oids() { openssl asn1parse -inform DER -in attributes.der | sed -n 's/.*OBJECT *://p' | paste -sd,; }
# Newer programs have a name for it.
template=$(openssl asn1parse -genstr OID:1.2.840.113549.1.9.16.2.61 | sed -n 's/.*OBJECT *://p')
attributes csrattrs
equal 'nothing is expected of nobody' '204 0' "$status $(wc -c <answer)"
attributes csrattrs -u "other:$("$certpool" client password other)"
equal 'nor where everything will do' 204 "$status"
attributes csrattrs -u "far:$far"
equal 'a key that was made for its password counts at once' 204 "$status"
attributes csrattrs -u "dev:$password"
equal 'csrattrs answers a client' 200 "$status"
check 'as the RFC has it' grep -qi '^content-type: application/csrattrs' head
check 'in base64' grep -qi '^content-transfer-encoding: base64' head
extensions='Extension Request,X509v3 Key Usage,X509v3 Extended Key Usage'
equal 'with all usages of its policy, in both forms' "$extensions,$template,$extensions" "$(oids)"
openssl asn1parse -inform DER -in attributes.der -strparse "$(openssl asn1parse -inform DER -in attributes.der | awk -F: '/OCTET STRING/ {at = $1} END {print at + 0}')" >out
equal 'which are these' 'TLS Web Server Authentication,TLS Web Client Authentication,1.3.6.1.5.5.7.3.36' "$(sed -n 's/.*OBJECT *://p' out | paste -sd,)"
attributes server/csrattrs -u "narrow:$("$certpool" client password narrow)"
equal 'an only type of key, and the usages of a label' \
	"id-ecPublicKey,secp384r1,$extensions,$template,id-ecPublicKey,secp384r1,$extensions" "$(oids)"
attributes csrattrs -u "dev:${password}x"
equal 'nobody learns what is expected of another' 401 "$status"

# Enrolment.
request dev-1 -addext subjectAltName=DNS:dev-1.example
enroll dev-1.b64
equal 'a password enrolls' 200 "$status"
check 'as the RFC has it' grep -qi '^content-type: application/pkcs7-mime; smime-type=certs-only' head
check 'in base64' grep -qi '^content-transfer-encoding: base64' head
certificate dev-1.crt
check 'the certificate alone' openssl verify -purpose sslclient -CAfile root/cert/root.crt -untrusted cacerts.pem dev-1.crt
check 'for its key' cmp <(openssl x509 -in dev-1.crt -noout -pubkey) <(openssl pkey -in dev-1.key -pubout)
enroll dev-1.b64
certificate again.crt
check 'a request that comes again gets the same' cmp dev-1.crt again.crt
request dev-2
openssl req -in dev-2.der -inform DER -out dev-2.pem
enroll dev-2.pem
equal 'in PEM' 200 "$status"
request dev-3
ask server/simpleenroll dev-3.b64 -u "dev:$password"
certificate dev-3.crt
equal 'a label has the usages' 'TLS Web Server Authentication' "$(openssl x509 -in dev-3.crt -noout -ext extendedKeyUsage | tail -n 1 | sed 's/^ *//')"
request dev-4
ask sign/simpleenroll dev-4.b64 -u "dev:$password"
certificate dev-4.crt
check_not 'sign is no way to what the policy lacks' openssl verify -purpose smimesign -CAfile root/cert/root.crt -untrusted cacerts.pem dev-4.crt
request dev-5 -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=serverAuth,clientAuth,1.3.6.1.5.5.7.3.36
enroll dev-5.b64
equal 'a request as csrattrs wants it is certified' 200 "$status"
serial=$(openssl x509 -in dev-1.crt -noout -serial | sed 's/.*=//' | tr A-F a-f)
expect 0 'the record' "$certpool" list --json
check 'names members by their serials' jq -se "any(.client == \"dev\" and .member == \"est-$serial\")" out
expect 0 'as does revoke' "$certpool" revoke "dev/est-$(openssl x509 -in dev-3.crt -noout -serial | sed 's/.*=//' | tr A-F a-f)"

# Every type of key.
keys=$("$certpool" client password keys)
number=0
for type in 'ec -pkeyopt ec_paramgen_curve:P-384' ed25519 rsa:2048 rsa:3072 rsa:4096; do
	number=$((number + 1))
	# shellcheck disable=SC2086 # Several words.
	openssl req -new -newkey $type -nodes -keyout type.key -subj "/CN=keys-$number" -outform DER 2>openssl.log | base64 >type.b64
	ask simpleenroll type.b64 -u "keys:$keys"
	certificate type.crt
	check "a key of type $type" cmp <(openssl x509 -in type.crt -noout -pubkey) <(openssl pkey -in type.key -pubout)
done

# Renewal by certificate, over TLS.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key -subj /CN=dev-1 -addext subjectAltName=DNS:dev-1.example -outform DER 2>openssl.log | base64 >new.b64
renew() { ask simplereenroll "$1" --cert "$2.crt" --key "$2.key"; }
renew new.b64 dev-1
equal 'a certificate renews itself' 200 "$status"
certificate new.crt
check 'with the new key' cmp <(openssl x509 -in new.crt -noout -pubkey) <(openssl pkey -in new.key -pubout)
attributes csrattrs --cert dev-1.crt --key dev-1.key
equal 'csrattrs knows a certificate' 200 "$status"
ask_record ca "update client set seen_at = 1000 where name = 'dev'"
renew new.b64 dev-1
check 'is seen, as with a password' test "$(ask_record ca "select seen_at from client where name = 'dev'")" -gt 1000
certificate again.crt
check 'again, where the answer was lost' cmp new.crt again.crt
renew new.b64 new
refused 'for the key that it has' 403 'key_spent: renewal: expected another key than the certificate.s'
request dev-9
renew dev-9.b64 dev-1
refused 'for another name' 403 'subject: expected that of the certificate, "CN=dev-1", found "CN=dev-9"'
ask simplereenroll new.b64 -u "dev:$password"
refused 'by password alone' 401 'expected the certificate of a member'
renew new.b64 dev-3
refused 'by a revoked certificate' 403 'was revoked: enroll with the client.s password'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout foreign.key -subj /CN=dev-1 -out foreign.crt 2>openssl.log
renew new.b64 foreign
refused 'by a foreign certificate' 401 'issued by this CA, found another one'
ask simplereenroll new.b64 --cert dev-1.crt --key dev-1.key -u "other:$("$certpool" client password other)"
refused 'by the certificate of another client' 403 'the password is the client other.s, and the certificate the client dev.s'

# What is refused.
ask simpleenroll dev-1.b64
refused 'nobody' 401 'found neither'
check 'is asked who he is' grep -qi '^www-authenticate: Basic realm="certpool"' head
ask simpleenroll dev-1.b64 -u "dev:${password}x"
refused 'a wrong password' 401 'expected the password of the client'
ask simpleenroll dev-1.b64 -u "other:$password"
refused 'the password of another' 401 'expected the password of the client'
enroll dev-9.b64 -H 'Content-Type: text/plain'
equal 'two content types' 400 "$status"
status=$(curl -s --cacert root/cert/root.crt -o answer -w '%{http_code}' -u "dev:$password" -H 'Content-Type: application/pkcs12' --data-binary @dev-9.b64 "$est/simpleenroll")
equal 'a wrong content type' 415 "$status"
echo 'no request' >bad.b64
enroll bad.b64
refused 'no request' 400 'expected PKCS#10 in base64, or in PEM'
base64 -w0 <(head -c 200 dev-9.der) >bad.b64
enroll bad.b64
refused 'half a request' 400 'bad_request: '
base64 -w0 <(head -c -1 dev-9.der; tail -c 1 dev-9.der | tr '\0-\376\377' '\1-\377\0') >bad.b64
enroll bad.b64
refused 'a changed signature' 400 'bad_(proof|request): '
head -c 30000 /dev/zero | tr '\0' A >bad.b64
# The client does not send a body after its refusal: else the refusal may be lost with the connection.
enroll bad.b64 --expect100-timeout 60 -H 'Expect: 100-continue'
equal 'an oversized request' 413 "$status"
request other-1
enroll other-1.b64
refused 'a subject that the policy does not allow' 403 'policy: subject: expected "CN=\{client\}-\{index\}", found "CN=other-1"'
request dev-6 -addext extendedKeyUsage=emailProtection
enroll dev-6.b64
refused 'a usage that it does not allow' 403 'usages: expected of "sign,client,server", found "email"'
ask email/simpleenroll dev-9.b64 -u "dev:$password"
refused 'a label that it does not allow' 403 'found "email"'
ask nonsense/simpleenroll dev-9.b64 -u "dev:$password"
equal 'a label that is no usage' 404 "$status"
ask serverkeygen dev-9.b64 -u "dev:$password"
equal 'an operation that there is not' 404 "$status"
for i in 11 12 13 14 15 16; do
	request "dev-$i"
	enroll "dev-$i.b64"
done
refused 'over the quota' 403 'quota: dev may have 8 certificates'
"$certpool" client disable dev >out
enroll dev-9.b64
refused 'a disabled client' 403 'disabled: '
"$certpool" client enable dev >out
expect 0 'a rate' "$certpool" client set dev --requests-per-minute 1
for _ in 1 2 3; do enroll dev-1.b64; done
refused 'over its rate' 429 'rate: '
expect 0 'the audit log' "$certpool" audit list --json
check 'has refusals' jq -se 'any(.event == "refused" and .by == "dev")' out
check_not 'and no password is in any log' grep -rqFe "$password" serve.err serve.out ca/state

# A new shared key has a new password; the old one counts until the old key ends.
"$certpool" client set dev --requests-per-minute 1000 >out
expect 0 'rotate key' "$certpool" rotate key dev
check_not 'another password' test "$("$certpool" client password dev)" = "$password"
enroll dev-1.b64
equal 'the old one still counts' 200 "$status"
old=$password password=$("$certpool" client password dev)
enroll dev-1.b64
equal 'and the new one' 200 "$status"
expect 0 'which ends the old one, as somebody has it' "$certpool" rotate key dev --finish
password=$old
enroll dev-1.b64
equal 'that counts no longer' 401 "$status"

# A certificate of the issuer before renews itself under the next one.
expect 0 'rotate ca' "$certpool" rotate ca
issues_anew() { [ "$(curl -s --cacert root/cert/root.crt "$est/cacerts" | base64 -d | openssl pkcs7 -inform DER -print_certs | grep -c BEGIN)" = 3 ]; }
check 'cacerts has both issuers' eventually issues_anew
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout next.key -subj /CN=dev-1 -addext subjectAltName=DNS:dev-1.example -outform DER 2>openssl.log | base64 >next.b64
expect 0 'room for one more' "$certpool" client set dev --certificates 20
renew next.b64 new
equal 'it renews' 200 "$status"
certificate next.crt
check_not 'under another issuer' cmp <(openssl x509 -in next.crt -noout -ext authorityKeyIdentifier) <(openssl x509 -in new.crt -noout -ext authorityKeyIdentifier)
expect 0 'the CA is whole' "$certpool" check
expect 0 'the first issuer is revoked' "$certpool" revoke ./ca/cert/ca.crt --yes
openssl req -new -key next.key -subj /CN=dev-1 -addext subjectAltName=DNS:dev-1.example -outform DER | base64 >next.b64
renew next.b64 new
refused 'what it issued renews no more' 403 "revoked: the CA's certificate, .*, was revoked by its root"

# A new root beside the present one: who asks gets both, and the two cross certificates.
expect 0 'rotate root' "$certpool" rotate root -q
curl -s --cacert root/cert/root.crt "$est/cacerts" | base64 -d | openssl pkcs7 -inform DER -print_certs >cacerts.pem
equal 'cacerts has both roots' 6 "$(grep -c BEGIN cacerts.pem)"
check 'the new one among them' grep -qFe "$(sed -n 5p root/cert/root.next.crt)" cacerts.pem

# Without TLS there is no EST: a password would be in the clear.
stop "$ca"
start plain serve --listen "http://$host:0"
equal 'not without TLS' 403 "$(curl -s -o answer -w '%{http_code}' "$endpoint/.well-known/est/cacerts")"
check 'says so' grep -q 'over TLS' answer
stop "$server"
