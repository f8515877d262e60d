#!/usr/bin/env bash
# Other people's tools on a CA below a root: openssl and certtool verify its members' certificates
# through the issuing certificate, and find the URLs of the CRL and of OCSP in them.
client=$(realpath "$(dirname "$0")/shell-client.sh")
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

manifest 3 1 | sed 's|layout: ca,|layout: ca, root_layout: stick, crl: {url: "http://ca.example.org/crl"}, ocsp: {url: "http://ca.example.org/ocsp"},|' \
	>manifest.yaml
check 'init' "$certpool" init
mv stick safe
start_ca
check 'request' "$certpool" request client1
check 'enroll' "$certpool" enroll client1
member=client1/cert/cert_key1.crt
cat $member ca/cert/ca.crt ca/cert/root.crt >whole.pem

check 'openssl verifies a member' openssl verify -x509_strict -CAfile ca/cert/root.crt -untrusted client1/cert/ca.crt $member
check 'and the issuing certificate' openssl verify -x509_strict -CAfile ca/cert/root.crt ca/cert/ca.crt
check 'certtool verifies the chain' certtool --verify-chain --infile whole.pem
certtool --certificate-info --infile $member >info 2>/dev/null
check 'certtool reads where the CRL is' grep -q 'URI: http://ca.example.org/crl' info
check 'and the responder' grep -q 'Access Location URI: http://ca.example.org/ocsp' info
equal 'openssl reads the responder' http://ca.example.org/ocsp "$(openssl x509 -in $member -noout -ocsp_uri)"
equal 'openssl reads where the CRL is' 1 "$(openssl x509 -in $member -noout -ext crlDistributionPoints |
	grep -c 'URI:http://ca.example.org/crl')"
equal 'there is no CA below it' 'CA:TRUE, pathlen:0' \
	"$(openssl x509 -in ca/cert/ca.crt -noout -ext basicConstraints | tail -n 1 | tr -s ' ' | sed 's/^ //')"

curl -s --noproxy '*' "$endpoint/crl" >ca.crl
check 'the CRL is by the issuing certificate' openssl crl -inform DER -in ca.crl -noout -CAfile ca/cert/ca.crt
openssl crl -inform DER -in ca.crl -out crl.pem
check 'openssl finds the member on no CRL' openssl verify -crl_check -CAfile ca/cert/root.crt \
	-untrusted ca/cert/ca.crt -CRLfile crl.pem $member
openssl ocsp -issuer ca/cert/ca.crt -cert $member -url "$endpoint/ocsp" -CAfile ca/cert/root.crt \
	-verify_other ca/cert/ca.crt >ocsp.out 2>&1
check 'openssl trusts what OCSP says' grep -q 'Response verify OK' ocsp.out
check 'which is good' grep -q "^$member: good" ocsp.out

# The shell client accepts the chain, stores it and sends it.
if command -v jose >/dev/null; then
	start_receiver client1
	cd client2 || exit 1
	rm cert/ca.crt
	check 'the shell client enrolls' bash "$client" enroll client2 "$CERTPOOL_CA" 1
	check 'and keeps the chain' cmp <(openssl x509 -in cert/ca.crt) <(openssl x509 -in ../ca/cert/ca.crt)
	equal 'its message is verified' verified "$(bash "$client" send client2 client1 "$inbox" 1 bonjour 2>&1)"
	cd ..
else
	skip 'the shell client enrolls' 'no jose'
fi

# The CRLs of the root and of the CA in one text, as nginx and PostgreSQL take it.
# catalogue 126
check_all() { openssl verify -crl_check_all -CAfile ca/cert/root.crt -untrusted ca/cert/ca.crt -CRLfile "$1" $member; }
check 'certpool crl --chain' "$certpool" crl --chain -o chain.pem
check 'openssl finds the path on neither CRL' check_all chain.pem
expect 2 "by the CA's CRL alone openssl cannot tell" check_all crl.pem
says 'for want of a CRL' 'unable to get certificate CRL'
certtool --verify --load-ca-certificate ca/cert/root.crt --load-crl chain.pem --infile <(cat $member ca/cert/ca.crt) >certtool.out 2>&1
check 'certtool finds it good' grep -q 'Verified. The certificate is trusted' certtool.out
openssl crl -inform DER -in ca/cert/root.crl -out root.pem
check 'certtool verifies the CRL of the root' certtool --verify-crl --load-ca-certificate ca/cert/root.crt --infile root.pem
mv safe stick
check 'the root revokes the CA' "$certpool" revoke ca/cert/ca.crt --yes --reason cACompromise
mv stick safe
curl -s --noproxy "*" "$CERTPOOL_CA/crl?chain" >revoked.pem
expect 2 'openssl finds it revoked' check_all revoked.pem
says 'at the issuing certificate' 'error 23 at 1 depth lookup: certificate revoked'
certtool --verify --load-ca-certificate ca/cert/root.crt --load-crl revoked.pem --infile <(cat $member ca/cert/ca.crt) >certtool.out 2>&1
check 'certtool finds it revoked' grep -q 'revoked' certtool.out
