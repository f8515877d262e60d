#!/bin/sh
# Makes the requests and certificates of this folder anew, with openssl and certtool. Run it here;
# the tests pass with what it makes, whatever the keys. Private keys are not kept.
set -eu

cd "$(dirname "$0")"
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT

request() { # NAME SUBJECT OPENSSL-REQ-OPTION...
	name=$1 subject=$2
	shift 2
	openssl req -new -key "$keys/$name.key" -subj "$subject" -out "$name.csr" "$@"
}

# One request of each type that is taken.
for curve in P-256 P-384; do
	type=ecdsa-$(echo "$curve" | tr -d - | tr P p)
	openssl genpkey -quiet -algorithm EC -pkeyopt "ec_paramgen_curve:$curve" -out "$keys/$type.key"
	request "$type" "/CN=openssl-$type"
done
openssl genpkey -quiet -algorithm ED25519 -out "$keys/ed25519.key"
request ed25519 /CN=openssl-ed25519
for bits in 2048 3072 4096; do
	openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:$bits" -out "$keys/rsa-$bits.key"
	request "rsa-$bits" "/CN=openssl-rsa-$bits"
done

# Keys that are weak or of other types.
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$keys/weak-rsa-1024.key"
request weak-rsa-1024 /CN=weak
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 \
	-out "$keys/weak-rsa-e3.key"
request weak-rsa-e3 /CN=weak
for curve in prime192v1 secp224r1 secp521r1 secp256k1; do
	openssl ecparam -genkey -noout -name "$curve" -out "$keys/other-$curve.key"
	request "other-$curve" /CN=weak
done
openssl ecparam -genkey -noout -name prime256v1 -param_enc explicit -out "$keys/explicit-p256.key"
request explicit-p256 /CN=weak
openssl genpkey -quiet -algorithm ED448 -out "$keys/other-ed448.key"
request other-ed448 /CN=weak
openssl genpkey -quiet -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out "$keys/other-rsa-pss.key"
request other-rsa-pss /CN=weak

# Proofs of possession with a digest or a padding that is not taken.
cp "$keys/rsa-2048.key" "$keys/signed-sha1.key"
request signed-sha1 /CN=sha1 -sha1
cp "$keys/rsa-2048.key" "$keys/signed-md5.key"
request signed-md5 /CN=md5 -md5
cp "$keys/ecdsa-p256.key" "$keys/signed-ecdsa-sha1.key"
request signed-ecdsa-sha1 /CN=sha1 -sha1
cp "$keys/rsa-2048.key" "$keys/signed-pss.key"
request signed-pss /CN=pss -sigopt rsa_padding_mode:pss

# A request for more than it may have, and one with names of every kind.
cp "$keys/ecdsa-p256.key" "$keys/greedy.key"
request greedy /CN=greedy -addext basicConstraints=critical,CA:TRUE \
	-addext keyUsage=critical,keyCertSign,cRLSign -addext extendedKeyUsage=anyExtendedKeyUsage \
	-addext "nameConstraints=critical,permitted;DNS:example.org" \
	-addext certificatePolicies=1.2.3.4
cp "$keys/ecdsa-p256.key" "$keys/names.key"
request names "/C=FR/O=Ex, Ltd/CN=café" -utf8 \
	-addext "subjectAltName=DNS:a.example.org,URI:urn:example:1,email:a@example.org,IP:192.0.2.1,IP:2001:db8::1"
cp "$keys/ecdsa-p256.key" "$keys/other-name.key"
request other-name /CN=other -addext "subjectAltName=otherName:1.2.3.4;UTF8:x"

# certtool's requests begin with NEW.
certtool --generate-privkey --key-type ecdsa --curve secp256r1 --outfile "$keys/certtool.key" \
	>/dev/null 2>&1
printf 'cn = "certtool"\no = "Example"\ndns_name = "b.example.org"\n' >"$keys/certtool.cfg"
certtool --generate-request --no-text --load-privkey "$keys/certtool.key" \
	--template "$keys/certtool.cfg" --outfile certtool.csr 2>/dev/null

# Chains: root, intermediate, member; and members that are none.
cat >"$keys/ca.cfg" <<EOF
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[member]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
EOF
openssl req -x509 -new -key "$keys/ecdsa-p384.key" -subj "/O=Example/CN=openssl root" \
	-config "$keys/ca.cfg" -extensions root -days 36500 -out openssl-root.crt
certify() { # REQUEST ISSUER ISSUER-KEY SECTION OUT OPTION...
	request=$1 issuer=$2 key=$3 section=$4 out=$5
	shift 5
	openssl x509 -req -in "$request" -CA "$issuer" -CAkey "$key" -days 36500 \
		-extfile "$keys/ca.cfg" -extensions "$section" -out "$out" "$@" 2>/dev/null
}
certify rsa-2048.csr openssl-root.crt "$keys/ecdsa-p384.key" intermediate openssl-intermediate.crt
certify ecdsa-p256.csr openssl-intermediate.crt "$keys/rsa-2048.key" member openssl-member.crt
certify ed25519.csr openssl-root.crt "$keys/ecdsa-p384.key" member openssl-direct-member.crt
certify ecdsa-p256.csr openssl-intermediate.crt "$keys/rsa-2048.key" member signed-sha1.crt -sha1
openssl x509 -req -in ecdsa-p256.csr -CA openssl-root.crt -CAkey "$keys/ecdsa-p384.key" \
	-days 36500 -out version-1.crt 2>/dev/null

printf 'cn = "certtool root"\nca\ncert_signing_key\ncrl_signing_key\nexpiration_days = 36500\n' \
	>"$keys/certtool-root.cfg"
certtool --generate-self-signed --no-text --load-privkey "$keys/certtool.key" \
	--template "$keys/certtool-root.cfg" --outfile certtool-root.crt 2>/dev/null
printf 'cn = "certtool member"\nsigning_key\nexpiration_days = 36500\n' >"$keys/certtool-member.cfg"
certtool --generate-certificate --no-text --load-request ecdsa-p256.csr \
	--load-ca-certificate certtool-root.crt --load-ca-privkey "$keys/certtool.key" \
	--template "$keys/certtool-member.cfg" --outfile certtool-member.crt 2>/dev/null

chmod 644 ./*.csr ./*.crt
