#!/usr/bin/env bash
# The CRL of a root that lies apart, by which an issuing CA is revoked.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 3 1 | sed 's|layout: ca,|layout: ca, root_layout: stick, root_crl: {url: "http://ca.example.org/root.crl"},|' \
	>manifest.yaml
check 'init' "$certpool" init
expect 0 'check finds it whole, which has issued nothing yet' "$certpool" check
check 'the root has a CRL' openssl crl -inform DER -in stick/cert/root.crl -noout -CAfile stick/cert/root.crt
check 'the CA has a copy of it' cmp stick/cert/root.crl ca/cert/root.crl
equal 'which others may read' 644 "$(mode ca/cert/root.crl)"
equal 'the issuing certificate says where it is' 1 "$(openssl x509 -in ca/cert/ca.crt -noout -ext crlDistributionPoints |
	grep -c 'URI:http://ca.example.org/root.crl')"
mkdir plain
manifest 1 1 | sed 's|layout: ca,|layout: ca, root_layout: stick,|' >plain/manifest.yaml
check 'init without a URL' "$certpool" init -q -m plain/manifest.yaml
expect 0 'its certificate' openssl x509 -in plain/ca/cert/ca.crt -noout -text
check_not 'says nothing of a CRL then' grep -q 'CRL Distribution' out

number() { openssl crl -inform DER -in "$1" -noout -crlnumber | sed 's/.*=0x//; s/.*=//'; }
start_ca
for client in client1 client2; do
	check "$client has its keys" "$certpool" request $client
	check "$client is enrolled" "$certpool" enroll $client
done
member=client1/cert/cert_key1.crt
fetch() { curl -s --noproxy '*' -o fetched -w '%{http_code} %{content_type}' "$endpoint$1"; }
equal 'the CA serves it' '200 application/pkix-crl' "$(fetch /root.crl)"
check 'as it is' cmp fetched ca/cert/root.crl
equal 'and with its own in one text' '200 application/x-pem-file' "$(fetch '/crl?chain')"
expect 0 'which certpool crl --chain prints too' "$certpool" crl --chain
check 'octet for octet' cmp fetched out
equal 'it has two CRLs' 2 "$(grep -c BEGIN fetched)"
equal 'without the question there is one' '200 application/pkix-crl' "$(fetch /crl)"
expect 2 'which is no DER' "$certpool" crl --chain --der
expect 2 'nor the root alone' "$certpool" crl --chain --root
metric() { curl -s --noproxy '*' "$endpoint/metrics" | sed -n "s/^certpool_$1 //p"; }
eventually sh -c "curl -s --noproxy '*' '$endpoint/metrics' | grep -q '^certpool_root_crl_number 1$'"
equal 'metrics have its number' 1 "$(metric root_crl_number)"
equal 'and its nextUpdate' "$(date -d "$(openssl crl -inform DER -in ca/cert/root.crl -noout -nextupdate | cut -d= -f2)" +%s)" \
	"$(metric root_crl_next_update_timestamp_seconds)"
expect 0 'status' "$certpool" status
prints 'has both' "root's CRL 1, next update 20"
equal 'health has no warning' '[]' "$(curl -s --noproxy '*' "$endpoint/health" | jq -c '.warnings')"

# Renewed, with the root's layout at hand alone.
expect 0 'it is current' "$certpool" crl --root --json
check 'so that none is made' jq -e '.made == false and .number == 1' out
mv stick safe
expect 4 'without the root no other can be made' "$certpool" crl --root --renew
says 'which is said' 'expected the layout of the root, whose key has to sign, found none'
expect 4 'nor looked after' "$certpool" crl --root
mv safe stick
expect 0 'with it' "$certpool" crl --root --renew --json
check 'another is made' jq -e '.made and .number == 2 and .entries == 0' out
check 'both have it' cmp stick/cert/root.crl ca/cert/root.crl
equal 'and the server serves it' '200 application/pkix-crl' "$(fetch /root.crl)"
check 'at once' cmp fetched ca/cert/root.crl
fetch '/crl?chain' >out
check 'also in the text' openssl verify -crl_check_all -CAfile ca/cert/root.crt -untrusted ca/cert/ca.crt -CRLfile fetched $member

# Numbers never go back, whichever copy is the older one.
cp stick/cert/root.crl old.crl
"$certpool" crl --root --renew >out
cp old.crl stick/cert/root.crl
expect 0 'an old copy of the stick' "$certpool" crl --root --json
equal 'gets a number above both' 4 "$(jq .number out)"
cp old.crl ca/cert/root.crl
expect 0 'an old copy at the CA' "$certpool" crl --root --json
check 'is replaced' cmp stick/cert/root.crl ca/cert/root.crl
check 'and none is made for that' jq -e '.made == false and .number == 4' out
rm ca/cert/root.crl
expect 0 'no copy at the CA' "$certpool" crl --root --json
check 'is made good' cmp stick/cert/root.crl ca/cert/root.crl
rm stick/cert/root.crl
expect 0 'none on the stick' "$certpool" crl --root --json
equal 'is made good by another one' 5 "$(jq .number out)"
cp plain/ca/cert/root.crl ca/cert/root.crl
expect 3 "another root's" "$certpool" crl --root
says 'is refused' 'ca/cert/root\.crl: .*expected the identifier of the key'
cp stick/cert/root.crl ca/cert/root.crl
for count in 1 2; do
	(ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=renameat,renameat2 -e inject=renameat,renameat2:signal=KILL:when=$count \
		"$certpool" crl --root --renew -q >/dev/null; exit $?) >/dev/null 2>&1
	expect 0 "after a kill at rename $count" "$certpool" crl --root -q -o after.pem
	check "both have the same ($count)" cmp stick/cert/root.crl ca/cert/root.crl
done

echo correct horse battery staple >backup.pass && chmod 600 backup.pass
check 'a backup' "$certpool" backup ca.tar --passphrase-file backup.pass
cp ca/cert/root.crl backed-up.crl

# catalogue 126: the issuing CA is revoked
"$certpool" crl --chain >before.pem
expect 0 'a dry run' "$certpool" revoke ca/cert/ca.crt -n
prints 'says what it would do' ' CN=certpool Issuing CA: would be revoked \(unspecified\)'
before=$(number ca/cert/root.crl)
expect 2 'without --yes it is not revoked' "$certpool" revoke ca/cert/ca.crt --reason cACompromise
prints 'what it would do is printed' ' CN=certpool Issuing CA: would be revoked \(cACompromise\)'
says 'and the command that does it' 'nothing is revoked yet: .*: to do it, run: certpool revoke --yes ca/cert/ca.crt --reason cACompromise$'
equal 'nothing has changed' "$before" "$(number ca/cert/root.crl)"
mv stick safe
expect 4 'without the root it cannot be revoked' "$certpool" revoke ca/cert/ca.crt --yes
says 'which is said' 'stick: expected the layout of the root, whose key has to sign'
mv safe stick
expect 2 'together with others it is not' "$certpool" revoke ca/cert/ca.crt client1/1
says 'which is said' 'expected the certificate of a CA alone'
expect 6 'nobody revokes the root' "$certpool" revoke ca/cert/root.crt --yes
says 'which is said' 'is the root: nobody can revoke it: remove it'
expect 6 'nor a certificate of another root' "$certpool" revoke plain/ca/cert/ca.crt --yes
says 'which is said' 'is no certificate that the root CN=certpool Root CA has issued'
expect 0 'the issuing certificate is revoked' "$certpool" revoke ca/cert/ca.crt --yes --reason cACompromise --json
check 'it is said' jq -e '.state == "revoked" and .reason == "cACompromise" and .subject == "CN=certpool Issuing CA"' out
check_not 'by a CRL with another number' test "$before" = "$(number ca/cert/root.crl)"
check 'which has it' sh -c 'openssl crl -inform DER -in ca/cert/root.crl -noout -text | grep -q "CA Compromise"'
expect 0 'the audit log' "$certpool" audit list --json
prints 'has it' '"event":"revoked".*"detail":"a CA.s certificate, by its root: CN=certpool Issuing CA"'
expect 0 'again' "$certpool" revoke ca/cert/ca.crt
prints 'is no failure' 'CN=certpool Issuing CA: already revoked \(cACompromise\)'
expect 0 'the root makes another CRL' "$certpool" crl --root --renew --json
equal 'from which it is not dropped' 1 "$(jq .entries out)"

# The CA issues nothing from then on, and goes on serving what says so.
post() { curl -s --noproxy '*' -o fetched -w '%{http_code}' -H 'Content-Type: application/jose' -d "$2" "$endpoint$1"; }
equal 'no request is certified' 503 "$(post /v1/certificates x.y)"
check 'and the reason is said' jq -e '.detail | test("^this CA issues nothing: .*CN=certpool Issuing CA, was revoked by its root at 20.*\\(cACompromise\\)")' fetched
equal 'others are looked at' 400 "$(post /v1/status x.y)"
equal 'health says so' 503 "$(curl -s --noproxy '*' -o fetched -w '%{http_code}' "$endpoint/health")"
equal 'in a word' '["revoked"]' "$(jq -c .reasons fetched)"
equal 'the CRL is served' '200 application/pkix-crl' "$(fetch /crl)"
equal 'and that of the root' '200 application/pkix-crl' "$(fetch /root.crl)"
openssl ocsp -issuer ca/cert/ca.crt -cert $member -url "$endpoint/ocsp" -CAfile ca/cert/root.crt -verify_other ca/cert/ca.crt >ocsp.out 2>&1
check 'and OCSP' grep -q "^$member: good" ocsp.out
expect 0 'a member can still be revoked' "$certpool" revoke client1/2
cp client1/CSR_file/csr_key3.csr .
mkdir requests && mv csr_key3.csr requests
expect 6 'a request that is carried by hand is not certified either' "$certpool" sign requests --client client1
says 'for the same reason' 'this CA issues nothing: .* was revoked by its root'
expect 1 'check reports it' "$certpool" check
prints 'as what it is' 'CN=certpool Issuing CA.* revoked'
stop "$ca"
start_ca
equal 'after a restart it issues nothing' 503 "$(post /v1/certificates x.y)"

# Verifiers that have the root's CRL refuse everything below it.
fetch '/crl?chain' >out
mv fetched after.pem
expect 0 'by the CRLs before, a member is good' "$certpool" verify client2 $member --crl before.pem
expect 3 'by those after, none is' "$certpool" verify client2 $member --crl after.pem
says 'and it is said which certificate is revoked' 'the intermediate CN=certpool Issuing CA was revoked at 20.*\(cACompromise\)'
expect 3 'likewise from the CA' "$certpool" verify client2 $member --crl "$endpoint/crl?chain"
expect 3 'or from a file each' "$certpool" verify client2 $member --crl ca/cert/ca.crl --crl ca/cert/root.crl
expect 3 'as JSON' "$certpool" verify client2 $member --crl after.pem --json
check 'likewise' jq -e '.verdict == "invalid" and .revocation == "revoked" and .revocation_subject == "CN=certpool Issuing CA"' out
expect 7 "with the CA's CRL alone it cannot be told" "$certpool" verify client2 $member --crl ca/cert/ca.crl
says 'since the path has another certificate' 'the intermediate CN=certpool Issuing CA: cannot tell whether'
says 'and what to do is said' 'crl\?chain'
start_receiver client2 --crl "$CERTPOOL_CA/crl?chain"
expect 3 'a message by a member' "$certpool" send client1 client2 --endpoint "$inbox" --member 1 bonjour
says 'is refused' 'the intermediate CN=certpool Issuing CA was revoked'
stop "$receiver"
cp before.pem now.pem
start_receiver client2 --crl now.pem
expect 0 'by the CRLs before it is not' "$certpool" send client1 client2 --endpoint "$inbox" --member 1 bonjour
cp after.pem now.pem
expect 3 'until they are replaced' "$certpool" send client1 client2 --endpoint "$inbox" --member 1 bonjour
stop "$receiver"

# The root's CRL of an older CA, which has none, ends soon, or is damaged.
mv ca/cert/root.crl kept.crl
stop "$ca"
start_ca
warned() { curl -s --noproxy '*' "$endpoint/health" | jq -e '.warnings | length == 1 and (.[0] | test("^the root.s CRL is missing, .*certpool crl --root, with the root.s layout at hand"))'; }
check 'without it health warns' eventually warned
equal 'and says 404' 404 "$(curl -s --noproxy '*' -o fetched -w '%{http_code}' "$endpoint/root.crl")"
equal 'also of the text' 404 "$(curl -s --noproxy '*' -o fetched -w '%{http_code}' "$endpoint/crl?chain")"
check 'with advice' jq -e '.detail | test("certpool crl --root")' fetched
expect 0 'status' "$certpool" status
says 'gives it too' "the root's CRL is missing: run certpool crl --root"
cp kept.crl ca/cert/root.crl
unwarned() { curl -s --noproxy '*' "$endpoint/health" | jq -e '.warnings == []'; }
check 'with it again it warns no more' eventually unwarned
head -c 100 kept.crl >ca/cert/root.crl
equal 'a damaged one does not undo a revocation' 503 "$(post /v1/certificates x.y)"
stop "$ca"
start_ca
equal 'nor does a restart' 503 "$(post /v1/certificates x.y)"
check 'which is said' jq -e '.detail | test("root.crl")' fetched

# catalogue 126: a backup from before the revocation
mkdir restored && sed 's|root_layout: stick|root_layout: ../stick|' manifest.yaml >restored/manifest.yaml
expect 0 'restore' "$certpool" restore ca.tar -m restored/manifest.yaml --passphrase-file backup.pass
says "it says what is to be done for the root's CRL" "the root's CRL is the backup's, .*: run certpool crl --root, with the root's layout .*stick at hand"
check "it has the root's CRL" cmp backed-up.crl restored/ca/cert/root.crl
expect 0 'with the root at hand' "$certpool" crl --root -m restored/manifest.yaml
check 'it gets the last one' cmp stick/cert/root.crl restored/ca/cert/root.crl
expect 6 'and issues nothing' "$certpool" sign requests --client client1 -m restored/manifest.yaml
forget() { rm -rf restored/ca/state/ca.db*; }
forget
expect 0 'with a copy that is current' "$certpool" restore ca.tar -m restored/manifest.yaml --passphrase-file backup.pass
check_not 'nothing is said of it' grep -q "root's CRL" err
forget
expect 0 'two years later' under_clock +700d "$certpool" restore ca.tar -m restored/manifest.yaml --passphrase-file backup.pass
says 'it is' "the root's CRL ends soon, or has ended: run certpool crl --root"
expect 0 'as that says' under_clock +700d "$certpool" crl --root -m restored/manifest.yaml
expect 0 'there is one' under_clock +700d "$certpool" crl --chain -m restored/manifest.yaml
rm restored/ca/cert/root.crl
check 'a backup without it, as of an older certpool' "$certpool" backup old.tar --without-keys -m restored/manifest.yaml
rm -rf restored/ca
expect 0 'is restored' "$certpool" restore old.tar -m restored/manifest.yaml
says 'and it is said' "the root's CRL is missing: run certpool crl --root"
expect 0 'as that says' "$certpool" crl --root -m restored/manifest.yaml
check 'it is there' cmp stick/cert/root.crl restored/ca/cert/root.crl

# A CA that is its own root.
mkdir one && cd one || exit 1
manifest 1 1 >manifest.yaml
check 'init' "$certpool" init -q
start_ca
"$certpool" crl >own.pem
expect 0 "its CRL is the root's" "$certpool" crl --root
check 'octet for octet' cmp out own.pem
expect 0 'and all that is needed' "$certpool" crl --chain
check 'again' cmp out own.pem
fetch /root.crl >out
check 'served under both names' cmp fetched <(openssl crl -in own.pem -outform DER)
fetch '/crl?chain' >out
check 'and in PEM' cmp fetched own.pem
check_not 'it has no other' test -e ca/cert/root.crl
