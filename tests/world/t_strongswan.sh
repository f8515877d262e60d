#!/usr/bin/env bash
# strongSwan's `pki --estca` and `pki --est` enroll and renew, over TLS 1.3 and, where the CA allows it, 1.2, for every
# type of key that they have.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, root_layout: root, endpoint: "https://$host:0", tls: {minimum: "1.2"}}
clients:
  dev: {policy: {subject: "CN={client}-{index},O=Example,C=FR", alt_names: ["DNS:{client}-{index}.example"], usages: [client, sign]}}
END
"$certpool" init -q >out
start_https_ca
password=$("$certpool" client password dev)
export STRONGSWAN_CONF=$PWD/strongswan.conf
pki() { command pki "$@" 2>>pki.log; }

# The CA's certificates, when the root is known.
echo 'pki { tls { version_max = 1.3 } }' >strongswan.conf
expect 0 'estca' pki --estca --url "$endpoint" --cacert root/cert/root.crt --caout got.pem --outform pem --force
check 'has the root' test "$(cat got*.pem | grep -c BEGIN)" = 2
openssl x509 -in root/cert/root.crt -out ca.pem
cat got*.pem >cas.pem

number=0
# enroll NAME KEY…: a new key and a certificate for it, and its renewal with another key.
enroll() {
	local name=$1
	number=$((number + 1))
	pki --gen "${@:2}" --outform pem >"$name.key"
	pki --req --in "$name.key" --type priv --dn "C=FR, O=Example, CN=dev-$number" --san "dev-$number.example" >"$name.req"
	expect 0 "est: $name" pki --est --url "$endpoint" --in "$name.req" --cacert ca.pem --userpass "dev:$password" --outform pem
	cp out "$name.crt"
	check "$name: valid" openssl verify -purpose sslclient -CAfile root/cert/root.crt -untrusted cas.pem "$name.crt"
	pki --gen "${@:2}" --outform pem >"$name.new"
	pki --req --in "$name.new" --type priv --dn "C=FR, O=Example, CN=dev-$number" --san "dev-$number.example" >"$name.req"
	expect 0 "renewal: $name" pki --est --url "$endpoint" --in "$name.req" --cacert ca.pem --cert "$name.crt" --key "$name.key" --outform pem
	check "$name: renewed" cmp <(openssl x509 -in out -noout -pubkey) <(openssl pkey -in "$name.new" -pubout)
	check "$name: the same name" cmp <(openssl x509 -in out -noout -subject) <(openssl x509 -in "$name.crt" -noout -subject)
}

for version in 1.3 1.2; do
	echo "pki { tls { version_max = $version } }" >strongswan.conf
	enroll "p256-$version" --type ecdsa --size 256
	enroll "p384-$version" --type ecdsa --size 384
	enroll "rsa-$version" --type rsa --size 2048
	enroll "ed25519-$version" --type ed25519
done

"$certpool" list --json >out
serial=$(openssl x509 -in p256-1.3.crt -noout -serial | sed 's/.*=//' | tr A-F a-f)
expect 0 'revoke' "$certpool" revoke "dev/est-$serial"
check_not 'a revoked one does not renew' pki --est --url "$endpoint" --in p256-1.3.req --cacert ca.pem --cert p256-1.3.crt --key p256-1.3.key
check_not 'nor enrolls a wrong password' pki --est --url "$endpoint" --in p256-1.3.req --cacert ca.pem --userpass "dev:x$password"
stop "$ca"
