#!/usr/bin/env bash
# A CA with a separate root: made once, then on a stick in a safe.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# apart FOLDER: makes the folder, with a manifest that has a root_layout.
apart() {
	mkdir -p "$1"
	manifest 3 2 | sed 's|layout: ca,|layout: ca, root_layout: stick, crl: {url: "http://ca.example.org/crl"},|' \
		>"$1/manifest.yaml"
	[ "$1" = . ] || own_record "$1/manifest.yaml" "$1"
}

apart .
expect 0 'init makes a root apart' "$certpool" init
prints 'it says where' '^ca: made the layout stick$'
prints 'it says which root' '^ca: made the root CN=certpool Root CA$'
prints 'and what the root signed' "^ca: made the CA's certificate CN=certpool Issuing CA$"
says 'a URL that is missing is told once' 'no ca\.ocsp\.url: .*by OCSP, and it cannot be added'
says "also that of the root's CRL" "no ca\.root_crl\.url: the CA's certificate will not say"
equal 'a line of each' 2 "$(grep -c 'cannot be added' err)"
for key in stick/Private/root.key ca/Private/ca.key; do
	equal "$key is for its owner alone" 600 "$(mode $key)"
done
check_not "the root's key is not in the CA's layout" test -e ca/Private/root.key
check 'the root is copied' cmp stick/cert/root.crt ca/cert/root.crt
check 'clients have the issuing certificate' cmp ca/cert/ca.crt client1/cert/ca.crt
check 'openssl verifies it' openssl verify -x509_strict -CAfile stick/cert/root.crt ca/cert/ca.crt

mv stick safe
expect 0 'init without the stick' "$certpool" init
silent 'makes nothing'
says 'and says so' 'nothing is missing'
check_not 'no stick is made up' test -e stick

start_ca
for client in client1 client2; do
	check "$client has its keys" "$certpool" request $client
	expect 0 "$client is enrolled without the stick" "$certpool" enroll $client
done
check 'the issuing certificate is open to all' cmp <(curl -s --noproxy '*' "$endpoint/ca.crt") ca/cert/ca.crt
check 'and the root' cmp <(curl -s --noproxy '*' "$endpoint/root.crt") ca/cert/root.crt
check 'openssl verifies a member' openssl verify -x509_strict -CAfile client1/cert/root.crt \
	-untrusted client1/cert/ca.crt client1/cert/cert_key1.crt
check_not 'not without the issuing certificate' openssl verify -CAfile client1/cert/root.crt client1/cert/cert_key1.crt

ca_url=$endpoint
start_receiver client2 --online --crl "$ca_url/crl?chain"
expect 0 'a message' "$certpool" send client1 client2 --endpoint "$inbox" bonjour
prints 'is verified through the intermediate' '^verified: signed by member'
received=$(echo client2/received/*.crt)
expect 0 'what was received' "$certpool" verify client2 "$received" --online --crl "$ca_url/crl?chain" --ocsp "$ca_url/ocsp"
prints 'stands, by status, CRL and OCSP' ': good: CN=client1-'
expect 0 'with a chain by hand' "$certpool" verify --trusted safe/cert/root.crt --intermediates ca/cert/ca.crt "$received"
expect 3 'without one there is no path' "$certpool" verify --trusted safe/cert/root.crt "$received"
says 'which is said' 'no path to the root CN=certpool Root CA: the issuer CN=certpool Issuing CA'

# A client without the issuing certificate cannot send the chain.
mv client1/cert/ca.crt kept
expect 0 'a message without it' "$certpool" send client1 client2 --endpoint "$inbox" bonjour
prints 'is verified with the one that the receiver has' '^verified: signed by member'
rm -r client1/cert/cert_key1.crt
expect 0 'enrolling again' "$certpool" enroll client1
check 'brings it back' cmp kept client1/cert/ca.crt

expect 0 'revoking' "$certpool" revoke "$received"
expect 3 'a certificate that was revoked below the root' "$certpool" verify client2 "$received" --crl "$ca_url/crl?chain"
says 'is told' 'revoked at'

# A client on another host.
printf '  client3: {pool: {size: 1}}\n' >>manifest.yaml
stop "$receiver"
stop "$ca"
expect 0 'a new client needs no stick' "$certpool" client add client3
start_ca
sed "/root_layout/s|http://127.0.0.1:0|$endpoint|" manifest.yaml >invite.yaml
expect 0 'it is invited' "$certpool" invite client3 -m invite.yaml -o "$folder/client3.invitation.json"
mkdir elsewhere
(cd elsewhere && "$certpool" join ../client3.invitation.json -q && "$certpool" request client3 -q &&
	"$certpool" enroll client3 -q) >join.log 2>&1 || fail 'client3 joins and enrolls' "$(cat join.log)"
check 'it has the issuing certificate as well' cmp elsewhere/client3/cert/ca.crt ca/cert/ca.crt
stop "$ca"

# catalogue 50: files of different CAs
refuses() { # NAME PATTERN
	expect 6 "$1" "$certpool" serve --listen "http://$host:0"
	says "$1: says why" "$2"
}
apart other
check 'another CA' "$certpool" init -m other/manifest.yaml
cp ca/cert/ca.crt own.crt
cp other/ca/cert/ca.crt ca/cert/ca.crt
refuses "another CA's certificate" 'cert/ca\.crt, cert/root\.crt and Private/ca\.key: the private key is not'
cp own.crt ca/cert/ca.crt
cp other/ca/cert/root.crt ca/cert/root.crt
refuses 'another root' 'is no intermediate of the root CN=certpool Root CA'
cp safe/cert/root.crt ca/cert/root.crt
cp client1/cert/cert_key1.crt ca/cert/ca.crt
refuses "a member's certificate" 'the private key is not that of the certificate'
cp own.crt ca/cert/ca.crt
sed 's/root_layout: stick, //' manifest.yaml >without.yaml
expect 6 'a manifest that has no root_layout any more' "$certpool" serve -m without.yaml --listen "http://$host:0"
says 'is told what to write' 'expected ca\.root_layout in the manifest'
rm ca/cert/ca.crt
expect 4 'without its certificate the CA does not serve' "$certpool" serve --listen "http://$host:0"
expect 6 'and init makes no second one' "$certpool" init
says 'since certificates were issued' 'under which [0-9]+ certificates were issued'
cp own.crt ca/cert/ca.crt
expect 0 'all is well again' "$certpool" init

# catalogue 76: killed at each step, and run again
step() { # N: kills the process at its N'th rename
	apart "kill/$1"
	(ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=renameat,renameat2 \
		-e inject=renameat,renameat2:signal=KILL:when="$1" \
		"$certpool" init -q -m "kill/$1/manifest.yaml"; exit $?) >/dev/null 2>&1
}
killed=0
for n in 1 2 3 4 5 6 7; do
	step $n && break
	killed=$((killed + 1))
	expect 0 "init after a kill at rename $n" "$certpool" init -q -m kill/$n/manifest.yaml
	check "its CA's certificate is by its root ($n)" openssl verify -x509_strict \
		-CAfile kill/$n/stick/cert/root.crt kill/$n/ca/cert/ca.crt
	check "and it signs ($n)" "$certpool" crl -m kill/$n/manifest.yaml
done
check 'it was killed at each of them' test $killed -ge 5
