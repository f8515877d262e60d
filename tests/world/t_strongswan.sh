#!/usr/bin/env bash
# strongSwan's `pki --estca` and `pki --est` enroll and renew, over TLS 1.3 and, where the CA allows it, 1.2, for every
# type of key that they have.
# pyasn1's module of RFC 7030 reads what is expected of a client's requests.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, root_layout: root, endpoint: "https://$host:0", tls: {minimum: "1.2"}}
clients:
  dev: {policy: {subject: "CN={client}-{index},O=Example,C=FR", alt_names: ["DNS:{client}-{index}.example"], usages: [client, server, sign]}}
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

# What is expected of its requests, by another reader.
check 'csrattrs' curl -sf --cacert root/cert/root.crt -u "dev:$password" -o attributes "$endpoint/.well-known/est/server/csrattrs"
# Debian's python3 has Debian's modules, whatever else is in PATH.
check 'are those of RFC 7030' /usr/bin/python3 - attributes <<'END'
import base64, sys
from pyasn1.codec.der.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1.type import namedtype, tag, univ
from pyasn1_modules import rfc5280, rfc7030

der = base64.b64decode(open(sys.argv[1]).read(), validate=True)
attributes, rest = decode(der, asn1Spec=rfc7030.CsrAttrs())
assert not rest and encode(attributes) == der
item, template = attributes
assert str(item['attribute']['attrType']) == '1.2.840.113549.1.9.14'
(value,) = item['attribute']['attrValues']
extensions, rest = decode(value, asn1Spec=rfc5280.Extensions())
usage, purposes = extensions
assert not rest and usage['extnID'] == rfc5280.id_ce_keyUsage and usage['critical']
assert purposes['extnID'] == rfc5280.id_ce_extKeyUsage
purposes, rest = decode(purposes['extnValue'], asn1Spec=rfc5280.ExtKeyUsageSyntax())
assert not rest and list(purposes) == [rfc5280.id_kp_serverAuth]


class Template(univ.Sequence):  # RFC 9908, section 3.4
    componentType = namedtype.NamedTypes(
        namedtype.NamedType('version', univ.Integer()),
        namedtype.NamedType('attributes', univ.SetOf(componentType=rfc5280.Attribute()).subtype(
            implicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, 1))))


assert str(template['attribute']['attrType']) == '1.2.840.113549.1.9.16.2.61'
(value,) = template['attribute']['attrValues']
content, rest = decode(value, asn1Spec=Template())
(attribute,) = content['attributes']
assert not rest and content['version'] == 0 and attribute['type'] == item['attribute']['attrType']
assert bytes(attribute['values'][0]) == bytes(item['attribute']['attrValues'][0])
END

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
