#!/usr/bin/env bash
# Keys and requests that openssl and certtool made are enrolled from CSR_file/.
. "$(dirname "$0")/../e2e/lib.sh"

manifest 4 1 >manifest.yaml
expect 0 'init' "$certpool" init
start_ca

openssl_member() { # INDEX TYPE OPTION…
	local index=$1 type=$2
	shift 2
	(umask 077 && openssl genpkey -algorithm "$type" "$@" -out "client1/Private/private_key$index.key") &&
		openssl req -new -key "client1/Private/private_key$index.key" -subj "/CN=client1-$index" \
			-out "client1/CSR_file/csr_key$index.csr"
}

certtool_member() { # INDEX OPTION…
	local index=$1
	shift
	echo "cn = client1-$index" >template
	certtool --generate-privkey "$@" --pkcs8 --password '' --no-text --outfile "client1/Private/private_key$index.key" &&
		certtool --generate-request --template template --no-text \
			--load-privkey "client1/Private/private_key$index.key" --outfile "client1/CSR_file/csr_key$index.csr"
}

check 'openssl makes a P-256 member' openssl_member 1 EC -pkeyopt ec_paramgen_curve:P-256
check 'openssl makes an RSA member' openssl_member 2 RSA -pkeyopt rsa_keygen_bits:2048
check 'certtool makes a P-256 member' certtool_member 3 --key-type=ecdsa --curve=secp256r1
check 'certtool makes an Ed25519 member' certtool_member 4 --key-type=ed25519
sha256sum client1/Private/*.key client1/CSR_file/*.csr >before

expect 0 'they enroll' "$certpool" enroll client1
prints 'all of them' 'saved 4 certificates'
check 'keys and requests are as they were' sha256sum --check --quiet before
for i in 1 2 3 4; do
	check "openssl verifies certificate $i" openssl verify -x509_strict -CAfile ca/cert/root.crt "client1/cert/cert_key$i.crt"
done
expect 0 'nothing is missing of the pool then' "$certpool" request client1
prints 'nothing is made' 'made 0 keys and 0 requests; 4 members were complete'

start_receiver client2
for i in 1 2 3 4; do
	expect 0 "member $i signs a message that is verified" \
		"$certpool" send client1 client2 --endpoint "$inbox" --member "$i" "from $i"
done
equal 'all of them arrived' "$(printf 'from %s\n' 1 2 3 4)" "$(cat receive.out)"

# catalogue 42: a request with a changed signature: the proof of possession fails
mkdir other && manifest 1 1 >other/manifest.yaml && "$certpool" init -q -m other/manifest.yaml >/dev/null
expect 0 'a pool of one' "$certpool" request client1 -m other/manifest.yaml
openssl req -in other/client1/CSR_file/csr_key1.csr -outform DER -out request.der
last=$(tail -c 1 request.der | od -An -tu1)
printf '%b' "\\0$(printf %o $((last ^ 1)))" | dd of=request.der bs=1 seek=$(($(stat -c %s request.der) - 1)) conv=notrunc status=none
openssl req -inform DER -in request.der -out other/client1/CSR_file/csr_key1.csr
stop "$ca"
start_ca -m other/manifest.yaml
expect 6 'a request whose signature is not by its key' "$certpool" enroll client1 -m other/manifest.yaml
says 'is refused with the reason' 'member 1: refused \(bad_proof\)'
check_not 'and gets no certificate' test -e other/client1/cert/cert_key1.crt
