#!/usr/bin/env bash
# openssl, ocsptool, curl and Python ask our OCSP responder; our client asks openssl's.
python_client=$(dirname "$(realpath "$0")")/ocsp.py
. "$(dirname "$0")/../e2e/lib.sh"

manifest 4 1 >manifest.yaml
"$certpool" init -q >out
start_ca
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
"$certpool" revoke client1/2 --reason keyCompromise -q >out
url=$CERTPOOL_CA/ocsp
root=client1/cert/root.crt
good=client1/cert/cert_key1.crt
revoked=client1/cert/cert_key2.crt

# openssl
ask() { openssl ocsp -issuer $root -CAfile $root -url "$url" "$@" >out 2>err; }
check 'openssl asks' ask -cert $good
prints 'and finds it good' "^$good: good"
check 'and takes signature and nonce' grep -qx 'Response verify OK' err
check_not 'without a warning' grep -qi 'warning' err
check 'openssl asks about two' ask -cert $good -cert $revoked
prints 'the first is good' "^$good: good"
prints 'the second is revoked' "^$revoked: revoked"
prints 'for its reason' 'Reason: keyCompromise'
prints 'at its time' 'Revocation Time: .* GMT'
check 'without a nonce' ask -no_nonce -cert $good
prints 'it is good' "^$good: good"
check 'and verified' grep -qx 'Response verify OK' err
check 'by SHA-256' ask -sha256 -cert $good -sha256 -cert $revoked
prints 'it is good' "^$good: good"
prints 'the other revoked' "^$revoked: revoked"
check 'by SHA-512, of which the responder knows nothing' ask -sha512 -cert $good
prints 'it is unknown' "^$good: unknown"
# catalogue 52
check 'about a serial that there is not' ask -serial 0x1122334455667788
prints 'it is unknown' 'unknown'
check 'under another issuer' sh -c "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key \
	-out other.crt -subj '/CN=Other' 2>/dev/null && openssl ocsp -issuer other.crt -cert $good -CAfile $root -url '$url' -noverify >out 2>&1"
prints 'it is unknown' "^$good: unknown"
openssl ocsp -issuer $root -cert $good -respout response.der -url "$url" -noverify >/dev/null 2>&1
openssl ocsp -respin response.der -noverify -text >text 2>/dev/null
equal 'its responder is for OCSP alone' 'OCSP Signing' "$(grep -A1 'X509v3 Extended Key Usage' text | sed -n '2s/^ *//p')"
check 'and says nocheck' grep -q 'OCSP No Check' text
check 'openssl signs a request' ask -cert $good -signer $good -signkey client1/Private/private_key1.key
prints 'which is answered as well' "^$good: good"

# curl: GET
openssl ocsp -issuer $root -cert $good -no_nonce -reqout plain.der >/dev/null
encoded=$(openssl base64 -A -in plain.der | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g')
check 'curl gets' curl --silent --fail --noproxy '*' -o got.der "$url/$encoded"
check 'what openssl verifies' sh -c "openssl ocsp -issuer $root -cert $good -no_nonce -CAfile $root -respin got.der >out 2>err && grep -qx 'Response verify OK' err"
prints 'and finds good' "^$good: good"

# ocsptool (GnuTLS)
tool() { ocsptool --ask="$url" --load-issuer $root --load-trust $root "$@" >out 2>&1; }
check 'ocsptool asks' tool --load-cert $good
prints 'and finds it good' 'Certificate Status: good'
prints 'and verifies' 'Verifying OCSP Response: Success'
check 'ocsptool asks with a nonce' tool --nonce --load-cert $good
prints 'and verifies' 'Verifying OCSP Response: Success'
tool --load-cert $revoked || true
prints 'ocsptool finds the other revoked' 'Certificate Status: revoked'

# Python
if python3 -c 'import cryptography' 2>/dev/null; then
	for digest in sha1 sha256; do
		expect 0 "Python asks by $digest" python3 "$python_client" "$url" $root $good $digest
		prints 'and finds it good' '^GOOD$'
		expect 0 'asks about the other' python3 "$python_client" "$url" $root $revoked $digest
		prints 'and finds it revoked' '^REVOKED$'
	done
else
	skip "Python's cryptography" 'it is not here'
fi

# Under an intermediate: the answer contains the chain for a client that has only the root.
mkdir chain
manifest 1 1 | sed 's/layout: ca,/layout: ca, root_layout: root,/' >chain/manifest.yaml
"$certpool" init -q -m chain/manifest.yaml >out
stop "$ca"
start_ca -m chain/manifest.yaml
"$certpool" request client1 -q -m chain/manifest.yaml >out && "$certpool" enroll client1 -q -m chain/manifest.yaml >out 2>err
sqlite3 chain/ca/state/ca.db "select writefile('below.der', der) from certificate where client = 'client1'" >out
openssl x509 -inform DER -in below.der -out below.crt
chain_url=$CERTPOOL_CA/ocsp
check 'openssl asks about a certificate under an intermediate' sh -c "openssl ocsp -issuer chain/ca/cert/ca.crt -cert below.crt \
	-CAfile chain/root/cert/root.crt -url '$chain_url' >out 2>err && grep -qx 'Response verify OK' err"
prints 'and finds it good' '^below.crt: good'
expect 0 'and so does certpool' "$certpool" verify --trusted chain/root/cert/root.crt --intermediates chain/ca/cert/ca.crt below.crt --ocsp "$chain_url"

# Our client asks openssl's responder, in a network namespace, as the responder listens on every address.
serial() { openssl x509 -noout -serial -in "$1" | cut -d= -f2; }
printf 'V\t351231000000Z\t\t%s\tunknown\t/CN=client1-1\nR\t351231000000Z\t261120000000Z,superseded\t%s\tunknown\t/CN=client1-2\n' \
	"$(serial $good)" "$(serial $revoked)" >index
cp $root root.crt
cp ca/Private/root.key root.key
delegate() { # NAME PURPOSE: makes a certificate under the root
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" -out "$1.csr" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA root.crt -CAkey root.key -days 9 -out "$1.crt" -extfile <(printf \
		'keyUsage=critical,digitalSignature\nextendedKeyUsage=%s\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' "$2") 2>/dev/null
}
delegate responder OCSPSigning
delegate impostor serverAuth
# The responder answers one connection after the other, so the test must not probe its port.
cat >theirs.sh <<'END'
signer=$1
shift
ip link set lo up
rm -f responder.log # which the responder before may have left, with the line awaited below
openssl ocsp -index index -CA root.crt -rsigner "$signer.crt" -rkey "$signer.key" -port 8888 $options >responder.log 2>&1 &
server=$!
for _ in $(seq 600); do
	grep -q 'waiting for OCSP client' responder.log && break
	sleep 0.1
done
"$@"
status=$?
kill $server
exit $status
END
theirs() {
	local signer=$1
	shift
	options=${options-} unshare --net bash theirs.sh "$signer" "$certpool" verify --trusted root.crt --ocsp http://127.0.0.1:8888/ "$@"
}
if unshare --net true 2>/dev/null; then
	for signer in root responder; do
		expect 0 "openssl's responder, signed by $signer" theirs $signer $good
		prints 'says good' ': good: '
		expect 3 "$signer: the other" theirs $signer $revoked
		says 'is revoked' 'revoked at 2026-11-20T00:00:00Z \(superseded\)'
		expect 3 "$signer: what it does not know" theirs $signer client1/cert/cert_key3.crt
		says 'is unknown' 'unknown'
	done
	options='-ndays 7' expect 0 'with a nextUpdate' theirs responder $good
	options='-resp_key_id' expect 0 'named by its key' theirs responder $good
	# catalogue 55
	expect 7 'signed by a certificate that is not for OCSP' theirs impostor $good
	says 'is refused' 'expected id-kp-OCSPSigning'
	options='-resp_no_certs' expect 7 'without its certificate' theirs responder $good
	says 'is refused' 'to be the issuer.s, or in the response'
	options='-badsig' expect 7 'with a bad signature' theirs responder $good
	says 'is refused' 'signature'
else
	skip "openssl's responder" 'a network of its own cannot be made here'
fi
