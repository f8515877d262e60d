#!/usr/bin/env bash
# CRLs: openssl and certtool read certpool's, and certpool reads theirs.
. "$(dirname "$0")/../e2e/lib.sh"

entries() { openssl crl -in "$1" -noout -text | grep -c 'Serial Number:'; }

# Ours, for each type of key.
for type in ecdsa-p256 ecdsa-p384 ed25519 rsa-2048; do
	mkdir $type && cd $type || exit 1
	cat >manifest.yaml <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0", key: $type}
		clients: {client1: {pool: {size: 3}}}
	END
	"$certpool" init -q >out
	start_ca
	"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
	"$certpool" crl >empty.crl
	"$certpool" revoke client1/1 --reason keyCompromise -q >out
	"$certpool" revoke client1/2 -q >out
	expect 0 "$type: crl" sh -c "'$certpool' crl >ca.crl"
	stop "$ca"
	root=ca/cert/root.crt

	for crl in empty ca; do
		expect 0 "$type: $crl: openssl verifies it" openssl crl -in $crl.crl -CAfile $root -noout
		says "$type: $crl: and says so" 'verify OK'
		expect 0 "$type: $crl: certtool verifies it" certtool --verify-crl --load-ca-certificate $root --infile $crl.crl
		expect 0 "$type: $crl: certtool shows it" certtool --crl-info --infile $crl.crl
		prints "$type: $crl: as of version 2" 'Version: 2'
		prints "$type: $crl: with its number" 'CRL Number'
	done
	equal "$type: nothing is revoked at first" 0 "$(entries empty.crl)"
	equal "$type: then two are" 2 "$(entries ca.crl)"
	expect 0 "$type: openssl shows it" openssl crl -in ca.crl -noout -text
	prints "$type: with one reason" 'Key Compromise'
	equal "$type: the other is not said" 1 "$(grep -c 'Reason Code' out)"

	for i in 1 2; do
		expect 2 "$type: openssl finds $i revoked" openssl verify -x509_strict -crl_check -CRLfile ca.crl -CAfile $root client1/cert/cert_key$i.crt
		says "$type: and says so of $i" 'certificate revoked'
	done
	check "$type: openssl finds 3 good" openssl verify -x509_strict -crl_check -CRLfile ca.crl -CAfile $root client1/cert/cert_key3.crt
	check "$type: and 1 by the CRL before" openssl verify -x509_strict -crl_check -CRLfile empty.crl -CAfile $root client1/cert/cert_key1.crt
	cd ..
done

# Theirs: a CA by openssl.
mkdir openssl && cd openssl || exit 1
mkdir new && : >index.txt && echo 1000 >serial && echo 1f >crlnumber
cat >ca.cnf <<'END'
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = new
certificate = root.crt
private_key = root.key
default_md = sha256
default_days = 30
default_crl_days = 1
policy = any
x509_extensions = member
crl_extensions = crl
[any]
commonName = supplied
[member]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[crl]
authorityKeyIdentifier = keyid:always
[part]
authorityKeyIdentifier = keyid:always
issuingDistributionPoint = critical,onlyuser:TRUE
END
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.crt -days 30 -subj '/CN=openssl root' \
	-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
for i in 1 2 3; do
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $i.key -out $i.csr -subj /CN=member$i 2>/dev/null
	openssl ca -config ca.cnf -batch -notext -in $i.csr -out $i.crt 2>/dev/null
done
openssl ca -config ca.cnf -gencrl -out empty.crl 2>/dev/null
openssl ca -config ca.cnf -revoke 1.crt -crl_reason keyCompromise 2>/dev/null
openssl ca -config ca.cnf -revoke 2.crt 2>/dev/null
openssl ca -config ca.cnf -gencrl -out ca.crl 2>/dev/null
openssl crl -in ca.crl -outform DER -out ca.der

expect 0 'openssl: nothing is revoked at first' "$certpool" verify --trusted root.crt --crl empty.crl 1.crt
for crl in ca.crl ca.der; do
	expect 3 "openssl: $crl: revoked, with its reason" "$certpool" verify --trusted root.crt --crl $crl 1.crt
	says "openssl: $crl: the reason is said" 'revoked at 20..-..-..T..:..:..Z \(keyCompromise\)'
	expect 3 "openssl: $crl: revoked, without" "$certpool" verify --trusted root.crt --crl $crl 2.crt
	says "openssl: $crl: the reason is not specified" '\(unspecified\)'
	expect 0 "openssl: $crl: good" "$certpool" verify --trusted root.crt --crl $crl 3.crt
done
# catalogue 58
openssl ca -config ca.cnf -gencrl -crlexts part -out part.crl 2>/dev/null
sed '/^crl_extensions/d; /^crlnumber/d' ca.cnf >bare.cnf
openssl ca -config bare.cnf -gencrl -out bare.crl 2>/dev/null
openssl ca -config ca.cnf -gencrl -crl_lastupdate 20260101000000Z -crl_nextupdate 20260102000000Z -out stale.crl 2>/dev/null
openssl ca -config ca.cnf -gencrl -md sha1 -out sha1.crl 2>/dev/null
expect 7 'openssl: a CRL of a part' "$certpool" verify --trusted root.crt --crl part.crl 3.crt
says 'is not taken' 'issuingDistributionPoint'
expect 7 'openssl: a CRL without extensions' "$certpool" verify --trusted root.crt --crl bare.crl 3.crt
says 'is not taken either' 'expected crlExtensions'
expect 7 'openssl: a CRL that is out of date' "$certpool" verify --trusted root.crt --crl stale.crl 3.crt
says 'is no answer' 'out of date'
expect 7 'openssl: a CRL that is signed with SHA-1' "$certpool" verify --trusted root.crt --crl sha1.crl 3.crt
says 'is not relied on' 'certpool expects ECDSA or RSA with SHA-256'

# An intermediate's certificates are looked up in its own CRL, and its own one in the root's.
# catalogue 126
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout sub.key -out sub.csr -subj '/CN=openssl intermediate' 2>/dev/null
printf '%s\n' basicConstraints=critical,CA:TRUE,pathlen:0 keyUsage=critical,keyCertSign,cRLSign \
	subjectKeyIdentifier=hash authorityKeyIdentifier=keyid:always >sub.ext
openssl x509 -req -in sub.csr -CA root.crt -CAkey root.key -set_serial 77 -days 20 -extfile sub.ext -out sub.crt 2>/dev/null
mkdir sub && : >sub/index.txt
sed 's/^database.*/database = sub\/index.txt/; s/= root\./= sub./; s/^default_days.*/default_days = 10/' ca.cnf >sub.cnf
for i in 4 5; do
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $i.key -out $i.csr -subj /CN=member$i 2>/dev/null
	openssl ca -config sub.cnf -batch -notext -in $i.csr -out $i.crt 2>/dev/null
done
openssl ca -config sub.cnf -revoke 4.crt -crl_reason superseded 2>/dev/null
openssl ca -config sub.cnf -gencrl -out sub.crl 2>/dev/null
below() { "$certpool" verify --trusted root.crt --intermediates sub.crt "$@"; }
expect 3 'openssl: revoked by the intermediate' below 4.crt --crl sub.crl
says 'with its reason' '\(superseded\)'
cat ca.crl sub.crl >both.crl
expect 0 'openssl: good with the intermediate' below 5.crt --crl both.crl
expect 0 'openssl: likewise from a file each' below 5.crt --crl sub.crl --crl ca.crl
expect 7 'openssl: its CRL says nothing of itself' below 5.crt --crl sub.crl
says 'whose CRL it should be' "expected the CRL of the certificate's issuer CN=openssl root"
expect 7 'openssl: the root'\''s CRL says nothing of that' below 5.crt --crl ca.crl
says 'whose CRL it should be' "expected the CRL of the certificate's issuer CN=openssl intermediate"
printf 'V\t301231235959Z\t\t4D\tunknown\t/CN=openssl intermediate\n' >>index.txt
openssl ca -config ca.cnf -revoke sub.crt -crl_reason CACompromise 2>/dev/null
openssl ca -config ca.cnf -gencrl -out ca.crl 2>/dev/null
cat sub.crl ca.crl >both.crl
expect 3 'openssl: the root has revoked the intermediate' below 5.crt --crl both.crl
says 'which is said' 'the intermediate CN=openssl intermediate was revoked at 20.*\(cACompromise\)'
expect 2 'openssl: it says the same' openssl verify -crl_check_all -CAfile root.crt -untrusted sub.crt -CRLfile both.crl 5.crt
says 'in its words' 'error 23 at 1 depth lookup: certificate revoked'
cd ..

# Theirs: certtool, over certificates of ours.
mkdir certtool && cd certtool || exit 1
cp -r ../ecdsa-p256/{manifest.yaml,ca,client1} .
root=ca/cert/root.crt
generate() {
	local template=$1 crl=$2
	shift 2
	certtool --generate-crl --load-ca-privkey ca/Private/root.key --load-ca-certificate $root \
		--template "$template" --outfile "$crl" "$@" 2>/dev/null
}
printf 'crl_next_update = 1\ncrl_number = 77\n' >crl.tmpl
cat client1/cert/cert_key1.crt client1/cert/cert_key2.crt >revoked.pem
generate crl.tmpl certtool.crl --load-certificate revoked.pem
expect 3 'certtool: revoked' "$certpool" verify --trusted $root --crl certtool.crl client1/cert/cert_key1.crt
expect 3 'certtool: also revoked' "$certpool" verify --trusted $root --crl certtool.crl client1/cert/cert_key2.crt
expect 0 'certtool: good' "$certpool" verify --trusted $root --crl certtool.crl client1/cert/cert_key3.crt --json
check 'certtool: the number' jq -e '.revocation == "good" and .crl_number == "77"' out

# catalogue 58: a hundred thousand entries
cd ../openssl || exit 1
seq 100000 | awk '{ printf "R\t301231235959Z\t260901000000Z\t10%036X01\tunknown\t/CN=m\n", $1 }' >index.txt
openssl ca -config ca.cnf -gencrl -out many.crl 2>/dev/null
equal 'a hundred thousand: openssl wrote them' 100000 "$(entries many.crl)"
expect 0 'a hundred thousand: a certificate that is not on it' "$certpool" verify --trusted root.crt --crl many.crl 3.crt

cd ../ecdsa-p256 || exit 1
sqlite3 ca/state/ca.db "with recursive i(n) as (select 1 union all select n + 1 from i where n < 100000)
	insert into certificate (serial, key_sha256, client, member, subject, issued_at, not_before, not_after, revoked_at, reason, der)
	select cast(printf('%020d', n) as blob), cast(printf('%032d', n) as blob), 'client1', 'm' || n, 'CN=m', 0, 0, 4000000000, 1700000000, n % 6, x'30' from i"
expect 0 'a hundred thousand: certpool crl' sh -c "'$certpool' crl --renew >many.crl"
expect 0 'a hundred thousand: openssl verifies it' openssl crl -in many.crl -CAfile ca/cert/root.crt -noout
says 'a hundred thousand: and says so' 'verify OK'
equal 'a hundred thousand: openssl reads them' 100002 "$(entries many.crl)"
expect 3 'a hundred thousand: one that is on it' "$certpool" verify client1 --crl many.crl client1/cert/cert_key1.crt
expect 0 'a hundred thousand: one that is not' "$certpool" verify client1 --crl many.crl client1/cert/cert_key3.crt
