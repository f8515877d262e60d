#!/usr/bin/env bash
# A CA below a separate root goes through three issuing certificates, while its clients renew and send messages.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 3 3 |
	sed 's|size: 3}|size: 3}, policy: {certificates: 50}|; s|layout: ca,|layout: ca, root_layout: stick, validity: 20y, certificates: {validity: 90d}, intermediate: {subject: "CN=Issuing CA", validity: 300d}, crl: {url: "http://ca.example.org/crl", validity: 1d}, ocsp: {url: "http://ca.example.org/ocsp"},|' \
		>manifest.yaml

# The program and openssl at a day of the test; the clock goes on from there.
day=0
right=$certpool
clocked clocked "$PWD/clock"
set_day() {
	day=$1
	move_clock clock "${day}d"
}
then_openssl() { under_clock "${day}d" openssl "$@"; }

check 'init' "$right" init -q
certpool=$PWD/clocked
start_ca
for client in client1 client2; do
	check "$client has its keys" "$certpool" request $client -q
	check "$client is enrolled" "$certpool" enroll $client -q
done
root=ca/cert/root.crt
fetch() { curl -s -o fetched -w '%{http_code}' "$CERTPOOL_CA$1"; }
issuer_of() { openssl x509 -in "$1" -noout -issuer -nameopt RFC2253 | sed 's/^issuer=//'; }
crl_issuer() { openssl crl -inform DER -in "$1" -noout -issuer -nameopt RFC2253 | sed 's/^issuer=//'; }
number() { echo $((16#$(openssl crl -inform DER -in "$1" -noout -crlnumber | sed 's/.*=0x//; s/.*=//'))); }

# path CERTIFICATE…: openssl verifies the certificates by the root and the client's chain, with all CRLs of the path.
path() {
	local chain=$1/cert/ca.crt
	shift
	fetch '/crl?chain' >out && then_openssl verify -crl_check_all -CAfile $root -untrusted "$chain" -CRLfile fetched "$@"
}
# ocsp ISSUER CERTIFICATE: what openssl says of OCSP's answer.
ocsp() {
	then_openssl ocsp -issuer "ca/cert/$1" -cert "$2" -url "$CERTPOOL_CA/ocsp" -CAfile $root 2>&1 |
		sed -n 's/^Response verify OK$/verified/p; s/^Response Verify Failure$/unverified/p; s/^.*\.crt: //p' | paste -sd' '
}
online() { "$certpool" verify client2 "$1" --online --json -q 2>err | jq -r .status; }
# message FROM: a message of each member arrives.
message() {
	local m
	for m in 1 2 3; do "$certpool" send "$1" client2 "day $day" --member $m --endpoint "$inbox" -q >out 2>err || return; done
}

start_receiver client2 --online --crl "$CERTPOOL_CA/crl?chain"
check 'messages flow' eventually message client1
cp client1/cert/cert_key1.crt first.crt
equal 'the first issuer has the plain URL' 1 "$(openssl x509 -in first.crt -noout -ext crlDistributionPoints | grep -c 'URI:http://ca.example.org/crl$')"

# --- what cannot be rotated ---
expect 2 'no operand' "$certpool" rotate
expect 2 'another word' "$certpool" rotate tires
says 'is named' 'expected ca, key or root, found "tires"'
mv stick safe
expect 4 'without the root nothing is rotated' "$certpool" rotate ca
says 'which says what to do' 'expected the layout of the root, whose key has to sign, found none: put it there'
mkdir other
manifest 1 1 | sed 's|layout: ca,|layout: ca, root_layout: stick,|' >other/manifest.yaml
"$right" init -q -m other/manifest.yaml >out 2>err
mv other/stick stick
expect 6 'nor by the root of another CA' "$certpool" rotate ca
says 'which are two roots' 'are two roots: expected the same one; put the right one back'
rm -r stick && mv safe stick
equal 'nothing has changed' 'ca.crl ca.crt root.crl root.crt' "$(cd ca/cert && echo *)"
equal 'nor was a key made' 'ca.key' "$(cd ca/Private && echo ca*)"
manifest 1 1 >other/manifest.yaml
rm -rf other/ca other/client? && "$right" init -q -m other/manifest.yaml >out 2>err
expect 6 'a root that issues by itself is not rotated' "$right" rotate ca -m other/manifest.yaml
says 'and why' 'expected a root that lies apart \(ca.root_layout\), found one that issues by itself'

# --- the second life ---
set_day 200
check 'renewed once' eventually "$certpool" renew client1 -q
check 'both of them' eventually "$certpool" renew client2 -q
cp client1/cert/cert_key1.crt old.crt
expect 0 'rotate ca' "$certpool" rotate ca --json
check 'says what is new' jq -e '.issuer == 2 and .subject == "CN=Issuing CA,serialNumber=2" and (.completed | not)' out
check 'and until when the old one serves' jq -e '(.previous_serves_until | fromdate) - now | . > (200+91)*86400 - 3600 and . < (200+92)*86400' out
expect 6 'it is not rotated again at once' "$certpool" rotate ca
says 'which says since when' 'issuer 2, .* began at .*less than an hour ago.*nothing has changed; --again'
check 'serve has taken it over' eventually grep -q 'issuer 2, .* issues from now on' serve.err
fetch /ca.crt >out
check '/ca.crt is the newest' cmp fetched ca/cert/ca.2.crt
fetch /crl >out
equal '/crl is the first one'"'"'s' 'CN=Issuing CA' "$(crl_issuer fetched)"
fetch /crl/2 >out
equal '/crl/2 the second one'"'"'s' 'CN=Issuing CA,serialNumber=2' "$(crl_issuer fetched)"
for none in 0 3 02 x 2/ ''; do equal "there is no /crl/$none" 404 "$(fetch "/crl/$none")"; done
fetch '/crl?chain' >out
equal 'the chain has three CRLs' 3 "$(grep -c BEGIN fetched)"
expect 0 'as crl --chain does' "$certpool" crl --chain
check 'octet for octet' cmp fetched out
expect 0 'crl --issuer' "$certpool" crl --issuer 2 --der -o out2.crl
equal 'is that one' 'CN=Issuing CA,serialNumber=2' "$(crl_issuer out2.crl)"
expect 4 'an issuer that is not there' "$certpool" crl --issuer 3
says 'is named' 'expected one of this CA.s issuers, 1 to 2, found 3'
equal 'certificates of the first are looked up' good "$(online old.crt)"
equal 'and are good in OCSP' 'verified good' "$(ocsp ca.crt old.crt)"
equal 'but not as the other one'"'"'s' 'unverified unknown' "$(ocsp ca.2.crt old.crt)"
check 'messages of the old chain flow' eventually message client1
check 'a member is revoked under the first' "$certpool" revoke old.crt -q
check 'the receiver learns of it' eventually sh -c "! '$certpool' send client1 client2 x --member 1 --endpoint $inbox -q"

# A pool that is half old, half new; then all new.
set_day 201
rm client1/cert/cert_key1.crt client1/CSR_file/csr_key1.csr client1/Private/private_key1.key
check 'a new key' "$certpool" request client1 -q
rm client1/cert/cert_key2.crt
check 'is certified beside an old one' eventually "$certpool" enroll client1 -q
equal 'by the new issuer' 'CN=Issuing CA,serialNumber=2' "$(issuer_of client1/cert/cert_key1.crt)"
equal 'the old one gets its own again' 'CN=Issuing CA' "$(issuer_of client1/cert/cert_key2.crt)"
equal 'the chain has both' 2 "$(grep -c BEGIN client1/cert/ca.crt)"
equal 'the new one names its CRL' 1 "$(openssl x509 -in client1/cert/cert_key1.crt -noout -ext crlDistributionPoints | grep -c 'URI:http://ca.example.org/crl/2$')"
check 'openssl verifies both' eventually path client1 client1/cert/cert_key1.crt client1/cert/cert_key2.crt
equal 'OCSP of the new one' 'verified good' "$(ocsp ca.2.crt client1/cert/cert_key1.crt)"
equal 'OCSP of the old one' 'verified good' "$(ocsp ca.crt client1/cert/cert_key2.crt)"
for i in 1 2; do
	check "certpool asks OCSP about member $i" "$certpool" verify client2 client1/cert/cert_key$i.crt --ocsp "$CERTPOOL_CA/ocsp" --intermediates client1/cert/ca.crt
done
check 'messages of both issuers flow' eventually message client1
check 'to a receiver that verifies them offline too' "$certpool" verify client2 client1/cert/cert_key1.crt --crl "$CERTPOOL_CA/crl?chain" --intermediates client1/cert/ca.crt
expect 0 'show' "$certpool" show client1/key1 --json
check 'says the issuer' jq -e '.issuer == 2' out
expect 0 'status' "$certpool" status
prints 'counts the first' '  issuer 1: certificates [0-9]+, valid [1-9]; CRL and OCSP until'
prints 'and the second' '  issuer 2: certificates [0-9]+, valid [1-9]; CRL and OCSP until'
expect 0 'status --json' "$certpool" status --json
check 'counts both' jq -se '[.[] | select(.issuer)] | map(.issuer) == [1, 2]' out
check 'one is revoked under each' sh -c "'$certpool' revoke client1/1 -q && '$certpool' revoke client1/2 -q"
fetch /crl >out && cp fetched one.crl && fetch /crl/2 >out && cp fetched two.crl
equal 'the first CRL lists its own' 2 "$(openssl crl -inform DER -in one.crl -noout -text | grep -c 'Serial Number:')"
equal 'the second its own' 1 "$(openssl crl -inform DER -in two.crl -noout -text | grep -c 'Serial Number:')"
equal 'OCSP agrees' 'verified revoked' "$(ocsp ca.2.crt client1/cert/cert_key1.crt)"
equal 'for both' 'verified revoked' "$(ocsp ca.crt client1/cert/cert_key2.crt)"
equal 'and status over the wire' 'revoked revoked good' "$(for i in 1 2 3; do online client1/cert/cert_key$i.crt; done | paste -sd' ')"
check_not 'openssl finds them revoked' path client1 client1/cert/cert_key1.crt
check_not 'both' path client1 client1/cert/cert_key2.crt
check 'check finds all whole' "$certpool" check
rm -rf kept && mkdir kept && cp one.crl two.crl kept

# --- backup and restore: the old issuers' keys and CRLs ---
echo backup-secret >pass && chmod 600 pass
expect 0 'backup' "$certpool" backup now.tar --passphrase-file pass
equal 'it has the certificates' 'cert/ca.2.crl cert/ca.2.crt cert/ca.crl cert/ca.crt' "$(tar tf now.tar | grep '^cert/ca' | sort | paste -sd' ')"
mkdir restored
sed 's|root_layout: stick|root_layout: ../stick|' manifest.yaml >restored/manifest.yaml
mkdir -p restored/ca/state && chmod 700 restored/ca/state
expect 0 'restore' "$certpool" restore now.tar --passphrase-file pass -m restored/manifest.yaml
check 'the keys are the same' cmp ca/Private/ca.2.key restored/ca/Private/ca.2.key
check 'also the old one' cmp ca/Private/ca.key restored/ca/Private/ca.key
check 'and is whole' "$certpool" check -m restored/manifest.yaml
for i in 1 2; do "$certpool" crl --issuer $i --der -o again.crl -m restored/manifest.yaml && crl_issuer again.crl; done >out
equal 'makes the CRL of each' 'CN=Issuing CA CN=Issuing CA,serialNumber=2' "$(paste -sd' ' out)"
# The CRLs of both, in one file with the root's, are taken in by restore.
"$certpool" crl --chain -o chain.pem -q
mkdir again && sed 's|root_layout: stick|root_layout: ../stick|' manifest.yaml >again/manifest.yaml
mkdir -p again/ca/state && chmod 700 again/ca/state
expect 0 'restore with the CRLs of all issuers' "$certpool" restore now.tar --passphrase-file pass --crl chain.pem -m again/manifest.yaml
says 'takes in that of the first' 'chain.pem: CRL number [0-9]+ of .* is taken in: of its 2 entries'
says 'and that of the second' 'chain.pem: CRL number [0-9]+ of .* is taken in: of its 1 entry'
# A record that is older than a CRL takes its entries in, under the issuer whose CRL it is.
"$certpool" revoke client1/3 -q >out 2>err
fetch /crl >out && cp fetched later.crl
expect 0 'a later CRL of the first issuer is taken in' "$certpool" revoke --crl later.crl -m restored/manifest.yaml --json
check 'with what it revokes' jq -se '.[-1].revoked == 1' out
"$certpool" crl --chain -o later.pem -q
expect 0 'so are the CRLs of all issuers, without the root'"'"'s' "$certpool" revoke --crl later.pem -m again/manifest.yaml --json
check 'with what they revoke' jq -se '.[-1].revoked == 1' out
"$right" crl --chain -m other/manifest.yaml -o other.pem 2>err
cat other.pem other.pem >others.pem
expect 3 'none by others alone' "$certpool" revoke --crl others.pem -m again/manifest.yaml
says 'which is said' 'others.pem: expected a CRL by an issuer of this CA, found 2 by others'
"$right" crl -m other/manifest.yaml -o other.crl
expect 3 'none of another CA' "$certpool" revoke --crl other.crl -m restored/manifest.yaml
rm restored/ca/cert/ca.2.crt
expect 6 'a certificate that is gone is missed' "$certpool" sign client1 --client client1 -m restored/manifest.yaml -q
says 'by name' 'cert/ca.2.crt: expected the certificate of issuer 2, which the record has, found none: restore it from a backup'
expect 1 'also by check' "$certpool" check -m restored/manifest.yaml
prints 'which names the file' 'ca.2.crt'

# --- the third life, and the end of the first ---
for client in client1 client2; do rm -f $client/cert/cert_key?.crt $client/CSR_file/* $client/Private/private*; done
for client in client1 client2; do "$certpool" request $client -q && "$certpool" enroll $client -q; done >out 2>err
set_day 270
check 'renewed' eventually "$certpool" renew client1 --within 60d -q
check 'both' eventually "$certpool" renew client2 --within 60d -q
set_day 299
check 'messages flow before the end of the first certificate' eventually message client1
set_day 310
check 'the CA goes on when its first certificate has ended' eventually message client1
equal 'its CRL has an end' 404 "$(fetch /crl)"
check 'which is said' grep -q 'issuer 1 of this CA has no CRL any more: nothing that it issued was valid after' fetched
then_openssl ocsp -issuer ca/cert/ca.crt -cert old.crt -url "$CERTPOOL_CA/ocsp" -CAfile $root >out 2>&1
prints 'OCSP too' 'unauthorized'
equal 'health is well' '200' "$(fetch /health)"
expect 4 'crl says so' "$certpool" crl
says 'with the one that issues' 'issuer 1 has no CRL any more.*--issuer 2'
expect 0 'crl --chain is whole' "$certpool" crl --chain
equal 'without it' 2 "$(grep -c BEGIN out)"
check 'openssl verifies' eventually path client1 client1/cert/cert_key?.crt
expect 0 'status says that it ended' "$certpool" status
prints 'with the time' '  issuer 1: certificates [0-9]+, valid 0; CRL and OCSP ended'
rm ca/Private/ca.key
check 'its key is needed no more' "$certpool" check
expect 0 'rotate ca' "$certpool" rotate ca
prints 'a third time' 'issuer 3, CN=Issuing CA,serialNumber=3, issues from now on'
check 'serve has taken it over' eventually grep -q 'issuer 3, .* issues from now on' serve.err
check 'renewed' eventually "$certpool" renew client1 --within 90d -q
equal 'by the third' 'CN=Issuing CA,serialNumber=3' "$(issuer_of client1/cert/cert_key1.crt)"
check 'messages of the third flow' eventually message client1
check 'openssl verifies all lives that are left' eventually path client1 client1/cert/cert_key?.crt
equal 'OCSP of the third' 'verified good' "$(ocsp ca.3.crt client1/cert/cert_key1.crt)"
equal 'OCSP of the second' 'verified good' "$(ocsp ca.2.crt client2/cert/cert_key1.crt)"
check 'a certificate of the CA is revoked by its root' "$certpool" revoke ./ca/cert/ca.2.crt --yes -q
check_not 'which openssl finds' path client2 client2/cert/cert_key1.crt
check 'the newest goes on' eventually path client1 client1/cert/cert_key1.crt
check 'and issues' eventually "$certpool" renew client2 --within 90d -q
check 'the record is whole' "$certpool" check
expect 0 'prune' "$certpool" prune --older-than 10d
equal 'removes what the ended issuer issued' 0 "$(ask_record ca 'select count(*) from certificate where issuer = 1')"
check 'and leaves it whole' "$certpool" check
expect 0 'the audit log' "$certpool" audit verify
stop "$ca"
equal 'serve ends' 0 "$stopped"
start_ca
check 'and starts again, with all it had' eventually path client1 client1/cert/cert_key1.crt
equal 'and its answers' 'verified good' "$(ocsp ca.3.crt client1/cert/cert_key1.crt)"
