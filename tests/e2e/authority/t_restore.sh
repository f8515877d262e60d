#!/usr/bin/env bash
# A CA restored from a backup that is older than what was lost: what was revoked stays revoked, what was
# issued since can be revoked, who was barred stays out. catalogue 60, 97, 105
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 4 4 '  client3: {pool: {size: 2}}
  client4: {pool: {size: 2}}' >manifest.yaml
"$certpool" init -q >out
start_ca
enroll() { "$certpool" request "$1" -q >out && "$certpool" enroll "$1" -q >out; }
enroll client1 && enroll client2 && enroll client3
member() { echo "$1/cert/cert_key$2.crt"; }
serial_of() { openssl x509 -in "$(member "$1" "$2")" -noout -serial | sed 's/.*=//'; }
in_place() { (cd "$1" && shift && "$certpool" "$@"); }
crl_of() { in_place "$1" crl --der -o "$folder/crl.der" -q && openssl crl -inform DER -in crl.der -noout -text >crl.txt; }
lists() { grep -q "Serial Number: $1" crl.txt; }
number() { openssl crl -inform DER -in crl.der -noout -crlnumber | sed 's/^crlNumber=\(0x\)\?/16#/'; }

"$certpool" revoke client1/4 -q >out
expect 0 'a backup' "$certpool" backup b.tar --without-keys

# After the backup: one certificate of it is revoked, one that was issued since, a client with
# certificates in the backup, a client with none, and a client that was added since; one is disabled.
enroll client4
echo '  client5: {pool: {size: 1}}' >>manifest.yaml
"$certpool" init client5 -q >out
kill -HUP "$ca"
known() { "$certpool" client show client5 >check.log 2>&1; }
eventually known
enroll client5
sed -i 's/client2: {pool: {size: 4}/client2: {pool: {size: 6}/' manifest.yaml
enroll client2
for what in client1/1 client2/5 client3/ client4/; do "$certpool" revoke $what --reason keyCompromise --yes -q >out; done
"$certpool" client disable client5 -q >out
revoked=("$(serial_of client1 4)" "$(serial_of client1 1)" "$(serial_of client2 5)" "$(serial_of client3 1)" "$(serial_of client4 2)")
equal 'the layout tells who is barred' 'client3 client4 client5' "$(xargs <ca/state/barred)"
equal 'to the CA alone' 600 "$(mode ca/state/barred)"
"$certpool" crl --der -o last.der -q && cp last.der crl.der
last=$(number)
stop "$ca"

# The record is lost; keys, certificates and CRL are still there.
rm ca/state/ca.db*
expect 0 'the record is restored' "$certpool" restore b.tar
prints 'and says what is revoked' '10 certificates, 7 revocations'
says 'the CRL in the layout is taken in' 'cert/ca.crl: CRL number [0-9]+ of .* is taken in: of its 7 entries 3 were not revoked in the record, and 3 are of certificates that it lacks'
says 'who was barred is disabled' 'client4 was barred when the record was lost, and is disabled: .* certpool client enable client4'
says 'also who came after the backup' 'client5 was barred'
says 'and who lost all by the CRL' 'client3 lost all its certificates by that CRL.*certpool client enable client3'
says 'the log of signatures tells what was issued since' 'state/signed.log names [0-9]+ certificates that were issued since the backup and are not revoked: [0-9a-f]{40}'
check 'by serials' grep -qiFe "$(serial_of client2 6)" err
check_not 'but for what is revoked' grep -q "names .*$(serial_of client2 5 | tr A-F a-f)" err
says 'and how it is revoked' 'certpool revoke ./FILE.crt, or by its serial, certpool revoke --unrecorded SERIAL'
check_not 'a CRL is asked for only when it is missing' grep -q 'no CRL was there' err
crl_of .
check 'the next CRL has a higher number' test $(($(number))) -gt $((last))
for serial in "${revoked[@]}"; do
	check "$serial stays revoked" lists "$serial"
done
check 'for the reason that it had' grep -qze "${revoked[2]}.*Key Compromise" crl.txt
start_ca
expect 3 'the CA says so' "$certpool" verify client2 "$(member client2 5)" --online
expect 3 'also by OCSP' "$certpool" verify client2 "$(member client2 5)" --ocsp "$CERTPOOL_CA/ocsp"
says 'with the reason' 'keyCompromise'
expect 0 'what lives is good' "$certpool" verify client2 "$(member client2 1)" --online
for client in client3 client4 client5; do
	equal "$client stays out" disabled "$("$certpool" client show $client --json | jq -r .state)"
done
sed -i 's/client4: {pool: {size: 2}/client4: {pool: {size: 3}/' manifest.yaml
"$certpool" request client4 -q >out
expect 6 'it gets no certificate' "$certpool" enroll client4
expect 0 'as the note says' "$certpool" client enable client4
expect 0 'it may enroll again' "$certpool" enroll client4
equal 'one is out of the list' 'client3 client5' "$(xargs <ca/state/barred)"

# What was issued since the backup can be revoked, as the note says.
expect 4 'by its serial alone it is not found' "$certpool" revoke "$(serial_of client2 6)"
says 'which says how it is' 'if it was issued after the backup .* say --unrecorded'
expect 0 'a dry run' "$certpool" revoke --unrecorded "$(serial_of client2 6)" --dry-run
prints 'says so' "^$(serial_of client2 6 | tr A-F a-f): would be revoked"
expect 0 'by its serial, unrecorded' "$certpool" revoke --unrecorded "$(serial_of client2 6)" --reason superseded
prints 'it is revoked' "^$(serial_of client2 6 | tr A-F a-f): revoked at .* \(superseded\)$"
expect 0 'again' "$certpool" revoke --unrecorded "$(serial_of client2 6)" --json
check 'it keeps the first reason' jq -se '.[0].already and .[0].reason == "superseded" and .[1].already == 1' out
expect 3 'OCSP has it at once' "$certpool" verify client2 "$(member client2 6)" --ocsp "$CERTPOOL_CA/ocsp"
expect 0 'a file' "$certpool" revoke "./$(member client4 1)"
prints 'of one that is revoked is told so' 'already revoked'
expect 0 'another client enrolled since, by its file' "$certpool" revoke "./$(member client5 1)"
prints 'gets a row, and is revoked' ' ca/recovered: revoked at'
expect 0 'which can be shown' "$certpool" show "$(serial_of client5 1)"
check 'the log has it' grep -q '"event":"certified","by":"ca","client":"ca","type":"recovered"' <("$certpool" audit list --json)
crl_of .
check 'the one is on the CRL' lists "$(serial_of client2 6)"
check 'and the other' lists "$(serial_of client5 1)"
expect 0 'the record is whole' "$certpool" check
expect 6 'no serial of this CA' "$certpool" revoke --unrecorded ff00000000000000000000000000000000000001
mkdir other && (cd other && cp ../manifest.yaml . && "$certpool" init -q) >out
expect 4 'the root is no member of its own' "$certpool" revoke ./ca/cert/root.crt
expect 4 'nor is another CA'\''s' "$certpool" revoke ./other/ca/cert/root.crt
expect 2 'unrecorded, and a query' "$certpool" revoke --unrecorded --client client1
stop "$ca"

# The whole host is lost: the CRL comes from elsewhere, with restore or after it.
place() { rm -rf "$1" && mkdir "$1" && cp manifest.yaml "$1"; }
place gone
expect 0 'restored without a CRL' in_place gone restore ../b.tar
says 'it says what that means' 'no CRL was there that is newer than the backup: what was revoked since is valid again'
says 'and what to do' 'certpool revoke --crl FILE'
cp ca/Private/root.key gone/ca/Private
crl_of gone
check_not 'the revocation is lost' lists "${revoked[1]}"
expect 0 'as the note says' in_place gone revoke --crl ../last.der
says 'the CRL is taken in' '../last.der: CRL number [0-9]+ of .* is taken in: of its 7 entries 3 were not revoked'
crl_of gone
for serial in "${revoked[@]}"; do
	check "$serial is revoked again" lists "$serial"
done
check 'with a higher number' test $(($(number))) -gt $((last))
equal 'whom the CRL tells is barred' disabled "$(in_place gone client show client3 --json | jq -r .state)"
expect 0 'taking it in again changes nothing' in_place gone revoke --crl ../last.der --json
check 'more' jq -e '.revoked == 0 and .already == 7' out
expect 0 'it is whole' in_place gone check
place given
expect 0 'restored with the CRL' in_place given restore ../b.tar --crl ../last.der --json
says 'which is taken in' '../last.der: CRL number'
check 'has all of it' jq -e '.revoked == 7 and .unrecorded == 3' out
cp ca/Private/root.key given/ca/Private
crl_of given
check 'on its CRL' lists "${revoked[4]}"

# A CRL of another CA, or one that is damaged, is no CRL of this one.
(cd other && "$certpool" crl --der -o ../other.der -q) >out 2>err
place bad
expect 3 'the CRL of another CA' in_place bad restore ../b.tar --crl ../other.der
says 'is refused' 'other.der: CRL: .*'
check_not 'and nothing restored' test -e bad/ca/state/ca.db
mkdir -p bad/ca/cert && cp other.der bad/ca/cert/ca.crl
expect 3 'one in the layout' in_place bad restore ../b.tar
says 'is not passed over' 'ca/cert/ca.crl: cannot be taken in: move it away, and give the CA.s last CRL with --crl'
rm bad/ca/cert/ca.crl
expect 0 'as that says' in_place bad restore ../b.tar --crl ../last.der
expect 3 'nor is it revoked by' in_place bad revoke --crl ../other.der
expect 2 'a CRL and a serial' in_place bad revoke --crl ../last.der "$(serial_of client1 2)"

# A record that lost a revocation in another way, by a fault or by a hand: no CRL without it is published.
# catalogue 107
start_ca
ask() { curl -s -o body -w '%{http_code}' "$CERTPOOL_CA$1"; }
metric() { grep -qxF -- "$1" <(curl -s "$CERTPOOL_CA/metrics"); }
health_is() { [ "$(ask /health)" = "$1" ]; }
check 'there is no alarm' metric 'certpool_crl_alarm 0'
cp ca/cert/ca.crl standing.crl
sqlite3 ca/state/ca.db "update certificate set revoked_at = null, reason = null where hex(serial) = '${revoked[1]}'; update state set revision = revision + 1"
check 'the CA is ill' eventually health_is 503
check 'for its CRL' grep -q '"reasons":\["crl"\]' body
check 'and gives an alarm' metric 'certpool_crl_alarm 1'
check 'the log has it' eventually grep -qi "no CRL is published: it would not list certificate ${revoked[1]}, which CRL number" serve.err
check 'the CRL that stands, stays' cmp ca/cert/ca.crl standing.crl
expect 3 'nor does the operator get another' "$certpool" crl --renew
says 'who is told what to do' 'the record says that it is not revoked: certpool revoke --crl takes the CRL that stands into the record'
expect 0 'as that says' "$certpool" revoke --crl ca/cert/ca.crl
check 'the CA is well again' eventually health_is 200
check 'without an alarm' metric 'certpool_crl_alarm 0'
crl_of .
check 'and what was revoked is on its CRL' lists "${revoked[1]}"
stop "$ca"

# A CA that got another certificate after the backup: restore says whose CRL it cannot take in, and what helps.
mkdir younger && cd younger || exit 1
manifest 2 1 | sed 's|layout: ca,|layout: ca, root_layout: stick,|; s|size: 2}|size: 2}, policy: {certificates: 50}|' >manifest.yaml
check 'a CA below a separate root' "$certpool" init -q
(umask 077 && echo 'a passphrase' >pass)
expect 0 'its backup' "$certpool" backup old.tar --passphrase-file pass
expect 0 'rotate ca' "$certpool" rotate ca -q
start_ca
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q
check 'the new one revokes' "$certpool" revoke client1/1 -q
check 'the CRLs of all' "$certpool" crl --chain -o chain.pem
stop "$ca"
rm -r ca
expect 0 'restore from before, with them' "$certpool" restore old.tar --passphrase-file pass --crl chain.pem
says 'names the issuer that it does not know' 'chain.pem: the CRL of (CN=certpool Issuing CA,serialNumber=2|serialNumber=2,CN=certpool Issuing CA) is left out: the record has no such issuer'
says 'with what to do' 'certpool revoke ./FILE --yes, and run certpool rotate ca; .* certpool keep$'
check_not 'not the root, whose CRL it is not to take in' grep -q 'the CRL of CN=certpool Root CA' err
csplit -z -s -f lost- client1/cert/ca.crt '/BEGIN/' '{*}'
cp lost-00 lost.crt
expect 0 'revoke it, as it says' "$certpool" revoke ./lost.crt --yes
expect 0 'rotate ca' "$certpool" rotate ca -q
start_ca
expect 0 'keep' "$certpool" keep client1 --json
equal 'replaces what the lost one issued' '2 0' "$(jq -r '"\(.replaced) \(.refused)"' out)"
"$certpool" crl --chain -o chain.pem -q
check 'openssl verifies that, with the CRLs of all' openssl verify -crl_check_all -CAfile ca/cert/root.crt -untrusted ca/cert/ca.2.crt -CRLfile chain.pem client1/cert/cert_key1.crt client1/cert/cert_key2.crt
expect 0 'so does certpool' "$certpool" verify client1 client1/cert/cert_key2.crt --crl chain.pem
expect 0 'all is whole' "$certpool" check
