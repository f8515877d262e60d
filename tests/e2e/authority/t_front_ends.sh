#!/usr/bin/env bash
# Two front ends on one record in PostgreSQL: add and join, and that what one does holds at the other.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
[ -n "${CERTPOOL_TEST_POSTGRESQL-}" ] || exec "$(dirname "$0")/../../postgresql.sh" bash "$0"
. "$(dirname "$0")/../lib.sh"

IFS='&=' read -r _ socket _ port _ <<<"$CERTPOOL_TEST_POSTGRESQL"
sql() { psql -qAt -h "$socket" -p "$port" -U certpool -d "$1" -c "$2"; } # DATABASE SQL
sql postgres 'create database ca'
cat >manifest.yaml <<END
version: 1
ca:
  layout: ca
  endpoint: "http://127.0.0.1:9"
  store: "postgresql:///ca?$CERTPOOL_TEST_POSTGRESQL"
clients:
  client1: {pool: {size: 10}}
  client2: {pool: {size: 5}, endpoint: "http://127.0.0.1:0"}
END
echo 'a passphrase of the packet' >p
echo 'another one' >wrong
chmod 600 p wrong
at2() { (cd second && "$@"); }
serial_of() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//' | tr A-F a-f; }

expect 0 'the first front end makes the CA' "$certpool" init -q
equal 'whose keys are in the record' 'client1 client2' "$(sql ca 'select client from certpool.shared_key order by client' | xargs)"
check_not 'and not in plain text' grep -qFe "$(jq -r .k ca/Private/shared_client1.jwk)" <(sql ca "select encode(sealed, 'escape') from certpool.shared_key")

# --- add and join ---
expect 2 'a packet has a passphrase' "$certpool" front-end add ca2
says 'which is asked for' 'expected --passphrase-file FILE: the packet has the CA.s keys'
expect 0 'another front end is added' "$certpool" front-end add ca2 -o ca2.tar --passphrase-file p
equal 'by a file that nobody else may read' 600 "$(stat -c %a ca2.tar)"
expect 0 'which any tar opens' tar tf ca2.tar
rm ca2.tar
expect 0 'and which is made again, as long as nobody has joined' "$certpool" front-end add ca2 -o ca2.tar --passphrase-file p
expect 0 'the list has both' "$certpool" front-end list
prints 'the own' '^ca1 .*\(this host\)'
prints 'and the other' '^ca2 +added'
mkdir second third
expect 6 'the packet opens under its passphrase alone' at2 "$certpool" front-end join ../ca2.tar --passphrase-file ../wrong
says 'which is said' 'ca2.tar: this is not the passphrase'
sed 's/layout: ca$/layout: second\/other/' manifest.yaml >other.yaml
check 'a place without the keys' mkdir -p second/other/{cert,Private,state,CSR_file,received}
chmod 700 second/other/{Private,state}
expect 4 'a host that has not joined is no front end' "$certpool" list -m other.yaml
says 'and is told how to be' 'has not joined: run certpool front-end add NAME on a host that has'
rm -rf second/other
head -c 1500 ca2.tar >cut.tar
check_not 'a packet that is cut off is none' at2 "$certpool" front-end join ../cut.tar --passphrase-file ../p
sed 's/number: 2/number: 1/' ca2.tar >changed.tar
check_not 'nor is one that was changed' at2 "$certpool" front-end join ../changed.tar --passphrase-file ../p
check_not 'and neither leaves anything' test -e second/ca
expect 0 'the second host joins' at2 "$certpool" front-end join ../ca2.tar --passphrase-file ../p
check 'with the manifest' cmp manifest.yaml second/manifest.yaml
equal 'and the key of the store' "$(cat ca/Private/store.jwk)" "$(cat second/ca/Private/store.jwk)"
expect 0 'to join again changes nothing' at2 "$certpool" front-end join ../ca2.tar --passphrase-file ../p
expect 6 'a third host cannot join by the same packet' sh -c "cd third && '$certpool' front-end join ../ca2.tar --passphrase-file ../p"
says 'and is told so' 'the front end ca2 has joined already, elsewhere'
expect 6 'a name is for one front end' "$certpool" front-end add ca2 -o again.tar --passphrase-file p
says 'for good' 'has a front end ca2 already, which has joined: a name is for good'

# --- both serve ---
start_ca
first=$CERTPOOL_CA
first_server=$server
cd second || exit 1
start ../second.log serve --listen "http://$host:0"
cd "$folder" || exit 1
second=$endpoint
second_server=$server
serving() { [ "$("$certpool" front-end list --json | jq -r 'select(.state == "serves") | .front_end' | xargs)" = 'ca1 ca2' ]; }
check 'the list says that both serve' eventually serving
version=$("$certpool" --version)
equal 'in which version' "${version#certpool } ${version#certpool }" "$("$certpool" front-end list --json | jq -r .version | xargs)"
noted() { "$certpool" front-end list >out && grep -qE '^ca[12] .* checkpoint' out; }
check 'and who has which lease' eventually noted
cp -r second third/copy
expect 7 'a copy of a layout is no front end' sh -c "cd third/copy && '$certpool' serve --listen http://$host:0"
says 'while the other one serves' 'the front end ca2 is served already, at .*second/ca'

CERTPOOL_CA=$first expect 0 'a client enrolls at the first' "$certpool" request client1
CERTPOOL_CA=$first expect 0 'with its whole pool' "$certpool" enroll client1
cp -r client1/cert certs
rm client1/cert/cert_key*.crt
CERTPOOL_CA=$second expect 0 'and asks the same at the second' "$certpool" enroll client1
check 'the answer is the same' diff -r certs client1/cert
equal 'a key is certified once' 10 "$(sql ca "select count(*) from certpool.certificate where client = 'client1'")"

# --- revoked at one, at once at the other ---
ocsp() { openssl ocsp -issuer ca/cert/root.crt -cert "client1/cert/cert_key$2.crt" -url "$1/ocsp" -CAfile ca/cert/root.crt 2>&1; }
says_ocsp() { ocsp "$1" "$2" | grep -q "crt: $3"; }
check 'the second answers that a certificate is good' says_ocsp "$second" 3 good
expect 0 'it is revoked at the first' "$certpool" revoke client1/key3
check 'the second says so' says_ocsp "$second" 3 revoked
CERTPOOL_CA=$second expect 3 'by its status too' "$certpool" verify client2 client1/cert/cert_key3.crt --online
expect 0 'another is revoked at the second' at2 "$certpool" revoke client1/key4
check 'the first says so' says_ocsp "$first" 4 revoked
crl_lists() { curl -s -o crl.der "$1/crl" && openssl crl -inform DER -in crl.der -noout -text | tr A-F a-f | grep -qFe "$(serial_of "client1/cert/cert_key$2.crt")"; }
for front in "$first" "$second"; do
	check 'the CRL has what the first revoked' eventually crl_lists "$front" 3
	check 'and what the second did' eventually crl_lists "$front" 4
done
# By clients, one after the other.
at=$second other=$first
for member in 5 6 7; do
	revoked=${EPOCHREALTIME/./}
	expect 0 "a client revokes one by itself ($member)" "$certpool" revoke --ca "$at" --as client1 $member
	check 'the CRL has it at the other front end' eventually crl_lists "$other" $member
	echo "# on the CRL of the other front end $(((${EPOCHREALTIME/./} - revoked) / 1000)) ms after revoke was begun"
	at=$other other=$([ "$at" = "$first" ] && echo "$second" || echo "$first")
done
same_crl() { curl -s -o crl1 "$first/crl" && curl -s -o crl2 "$second/crl" && cmp crl1 crl2; }
check 'both have the same CRL' eventually same_crl

# --- clients and their keys ---
expect 0 'a client is added at the first' "$certpool" client add client7
expect 0 'and invited at the second' at2 "$certpool" invite client7 -o ../client7.json --pool-size 3
mkdir seventh
cd seventh || exit 1
printf 'version: 1\nca: {endpoint: "http://127.0.0.1:0"}\nclients:\n  client7: {pool: {size: 3}}\n' >manifest.yaml
CERTPOOL_CA=$first expect 0 'joins' "$certpool" join ../client7.json
CERTPOOL_CA=$first expect 0 'makes its pool' "$certpool" request client7
CERTPOOL_CA=$first expect 0 'and enrolls at the first' "$certpool" enroll client7
cd "$folder" || exit 1
expect 0 'its key is rotated at the first' "$certpool" rotate key client7 --overlap 1h
cd seventh || exit 1
CERTPOOL_CA=$second expect 0 'it takes the new one at the second' "$certpool" renew client7 --all
cd "$folder" || exit 1
equal 'which both have' "$(jq -r .kid seventh/client7/Private/shared_ca.jwk)" "$(sql ca "select kid from certpool.shared_key where client = 'client7'")"
expect 0 'it is barred at the second' at2 "$certpool" client disable client7
cd seventh || exit 1
CERTPOOL_CA=$first expect 6 'and refused at the first' "$certpool" renew client7 --all
cd "$folder" || exit 1
# Name, state, certificates and quota of each.
"$certpool" client list | awk '{ print $1, $2, $3 }' >clients
sed -i 's/size: 10}/size: 10}, policy: {certificates: 3}/; /client2/d' second/manifest.yaml
unchanged() {
	expect 0 'changes nothing' "$certpool" client list
	check 'of the clients' diff clients <(awk '{ print $1, $2, $3 }' out)
}
expect 0 'an older manifest' at2 "$certpool" init
unchanged
kill -HUP "$second_server"
check 'which is read again' eventually grep -q 'SIGHUP: manifest.yaml: clients: 0 added, 0 changed, 0 left' second.log.err
unchanged
stop "$second_server"
cd second || exit 1
start ../second.log serve --listen "$second"
cd "$folder" || exit 1
second_server=$server
check 'or served by' eventually serving
unchanged

# --- what the one does with a key, the other knows at once, whoever came just before, and whatever strangers ask ---
# catalogue 108: messages under a key that nobody has, over and over.
printf '%s.%0100d' "$(printf '{"alg":"A256KW","enc":"A256GCM","kid":"unknown","typ":"certpool.status"}' | base64 -w 0 | tr '+/' '-_' | tr -d '=')" 0 >stranger
flood() { # NUMBER
	until
		curl -s -o flood -w '%{http_code}\n' -H 'Content-Type: application/jose' --data-binary @stranger "$first/v1/status?[1-50]" >>"flooded.$1"
		[ ! -e flooding ]
	do :; done
}
touch flooding
for number in 1 2 3; do
	flood $number &
	floods+=($!)
done
mkdir fleet
printf 'version: 1\nca: {endpoint: "%s"}\nclients:\n  one: {pool: {size: 1}}\n  two: {pool: {size: 1}}\n  three: {pool: {size: 1}}\n' "$first" >fleet/manifest.yaml
in_fleet() { (cd fleet && CERTPOOL_CA=$first "$certpool" "$@"); }
for client in one two three; do
	expect 0 "$client is added and invited at the second" at2 "$certpool" client add "$client" --invite-to ../invitations
	equal 'with a key in the record' 1 "$(sql ca "select count(*) from certpool.shared_key where client = '$client'")"
	in_fleet join "../invitations/$client.invitation.json" -q >out 2>&1 && in_fleet request "$client" -q >out 2>&1
	expect 0 'and enrolls at the first at once' in_fleet enroll "$client"
done
expect 0 'a key is replaced at the second' at2 "$certpool" rotate key one --overlap 0
expect 6 'the one before opens nothing at the first' in_fleet verify one one/cert/cert_key1.crt --online
says 'as it says' 'answered 400: the body cannot be decrypted'
expect 0 'a client is removed at the second' at2 "$certpool" client remove two
expect 6 'and has no key at the first' in_fleet verify two two/cert/cert_key1.crt --online
says 'either' 'answered 400: the body cannot be decrypted'
expect 0 'one that has a key goes on' in_fleet verify three three/cert/cert_key1.crt --online
rm flooding
wait "${floods[@]}"
for number in 1 2 3; do equal 'strangers were refused' 400 "$(sort -u "flooded.$number")"; done

# --- the audit log ---
expect 0 'the logs are whole' "$certpool" audit verify
prints 'of both' 'of all 2 front ends: [0-9]+ lines, whole, and [0-9]+ checkpoints?'
expect 0 'and read as one' "$certpool" audit list
prints 'with what the one did' '^[0-9:]+ ca1: .*revoked'
prints 'and the other' '^[0-9:]+ ca2: .*revoked'
expect 0 'the CA is well by what the second sees' at2 "$certpool" check

# --- many at once: catalogue 61, 62, 89 ---
# catalogue 61, 62, 89: the same new requests at both front ends at once.
rm client1/cert/cert_key*.crt client1/CSR_file/* client1/Private/private_key*
"$certpool" request client1 -q >out
for twin in 1 2 3 4; do
	mkdir twin.$twin
	cp -r manifest.yaml client1 twin.$twin
	front=$first
	[ $((twin % 2)) -eq 0 ] || front=$second
	(cd twin.$twin && CERTPOOL_CA=$front "$certpool" enroll client1 -q) >log.$twin 2>&1 &
	askers+=($!)
done
for twin in 1 2 3 4; do check "asker $twin has its answer" wait "${askers[twin - 1]}"; done
for twin in 2 3 4; do check "asker $twin has the certificates of the first one" diff -r twin.1/client1/cert twin.$twin/client1/cert; done
equal 'a key is certified once, whoever asks where' '20|20' "$(sql ca "select count(*), count(distinct key_sha256) from certpool.certificate where client = 'client1'")"
expect 0 'and the logs are whole' "$certpool" audit verify

# --- removed ---
expect 6 'the root is not rotated while others have its key' "$certpool" rotate root
says 'with what to do' 'run certpool front-end remove ca2'
expect 6 'a front end does not remove itself' "$certpool" front-end remove ca1
expect 0 'another one is removed' "$certpool" front-end remove ca2
says 'with what is left to do' 'end that access in the database'
removed() { [ "$(curl -s -o health -w '%{http_code}' "$second/health")" = 503 ] && grep -q '"store"' health; }
check 'the one that serves is not well any more' eventually removed
expect 0 'a client that has enrolled nowhere yet' "$certpool" request client2
CERTPOOL_CA=$second "$certpool" enroll client2 >out 2>&1
equal 'is given nothing by it' 0 "$(sql ca "select count(*) from certpool.certificate where client = 'client2'")"
CERTPOOL_CA=$first expect 0 'but by the other one' "$certpool" enroll client2
expect 6 'and does nothing more' at2 "$certpool" list
says 'as it is told' 'the front end ca2 was removed from this record'
stop "$second_server"
stop "$first_server"
