#!/usr/bin/env bash
# The keys of several front ends: `rotate ca` at one gives the new issuing key to all, and a front end that is
# removed does not get the key of the store that the others have from then on.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
[ -n "${CERTPOOL_TEST_POSTGRESQL-}" ] || exec "$(dirname "$0")/../../postgresql.sh" bash "$0"
. "$(dirname "$0")/../lib.sh"

ask() { sql "$database" "set search_path to certpool; $1"; }
manifest 10 5 | sed 's/layout: ca,/layout: ca, root_layout: root,/' >manifest.yaml
echo 'a passphrase of the packet' >p
chmod 600 p
at() { (cd "$1" && "${@:2}"); } # FOLDER COMMAND…
kid() { jq -r .kid "$1/ca/Private/store.jwk"; }
recorded_kid() { ask 'select store_kid from state'; }
join_as() { # NAME
	expect 0 "$1 is added" "$certpool" front-end add "$1" --passphrase-file p -q
	mkdir -p "$1"
	expect 0 'and joins' at "$1" "$certpool" front-end join "../$1.tar" --passphrase-file ../p -q
}

expect 0 'a CA with a root apart' "$certpool" init -q
join_as ca2
join_as ca3
expect 0 'the list has the fingerprints of their keys' "$certpool" front-end list --json
equal 'three different ones' 3 "$(jq -r .key out | grep -cE '^[0-9a-f]{16}$' | sort -u)"
check 'made on their hosts' cmp -s <(jq -r .key out | sort) <(jq -r .key out | sort -u)
check_not 'and in no packet' grep -qFe "$(cat ca2/ca/Private/front_end.key)" <(tar xOf ca2.tar)
start_ca
first=$CERTPOOL_CA
cd ca2 || exit 1
start ../second.log serve --listen "http://$host:0"
cd "$folder" || exit 1
second=$endpoint
second_server=$server
CERTPOOL_CA=$second expect 0 'a client makes its pool' "$certpool" request client1 -q
CERTPOOL_CA=$second expect 0 'and enrolls at the second' "$certpool" enroll client1

# --- rotate ca ---
expect 0 'the CA is rotated at the first' "$certpool" rotate ca
prints 'and has issuer 2' '^issuer 2, .*, issues from now on'
taken() { curl -sf -o crl2 "$second/crl/2"; }
check 'the second takes it up without a restart' eventually taken
same_crl() { curl -sf -o crl2 "$second/crl/2" && curl -sf -o crl2.first "$first/crl/2" && cmp crl2 crl2.first; }
check 'with the CRL that the first has' eventually same_crl
issued_by_2() { # FOLDER
	openssl x509 -in "$1/cert/cert_key1.crt" -noout -issuer | grep -q 'serialNumber *= *2'
}
CERTPOOL_CA=$second expect 0 'another client makes its pool' "$certpool" request client2 -q
CERTPOOL_CA=$second expect 0 'and enrolls at the second' "$certpool" enroll client2
check 'under the new issuer' issued_by_2 client2
check_not 'whose key is not in the record in plain text' grep -q 'PRIVATE KEY' <(ask "select encode(sealed, 'escape') from issuer_key")
check_not 'nor written by a process that serves' test -e ca2/ca/Private/ca.2.key
mkdir ca2/requests && cp client2/CSR_file/csr_key1.csr ca2/requests
expect 0 'a request that is carried there by hand is certified' at ca2 "$certpool" sign requests --client client2
equal 'for nobody but the CA, the key is written then' 600 "$(mode ca2/ca/Private/ca.2.key)"
rm ca2/ca/Private/ca.2.key
expect 0 'a certificate of the old issuer is revoked' "$certpool" revoke client1/key3
ocsp() { openssl ocsp -issuer ca/cert/ca.crt -cert "client1/cert/cert_key$1.crt" -url "$second/ocsp" -CAfile ca/cert/root.crt -partial_chain 2>&1; }
says_ocsp() { ocsp "$1" | grep -q "crt: $2"; }
check 'the second answers for the old issuer' eventually says_ocsp 3 revoked
check 'of the others, too' says_ocsp 4 good
serial=$(openssl x509 -in client1/cert/cert_key3.crt -noout -serial | sed 's/.*=//' | tr A-F a-f)
crl_lists() { curl -s -o crl.der "$second/crl" && openssl crl -inform DER -in crl.der -noout -text | tr A-F a-f | grep -qFe "$serial"; }
check 'and has its CRL' eventually crl_lists
expect 0 'a verb at the second writes the files' at ca2 "$certpool" check
check 'the key' cmp ca/Private/ca.2.key ca2/ca/Private/ca.2.key
equal 'for nobody else' 600 "$(mode ca2/ca/Private/ca.2.key)"
check 'and the certificate' cmp ca/cert/ca.2.crt ca2/ca/cert/ca.2.crt
expect 0 'one that was off meanwhile has them, too' at ca3 "$certpool" check
check 'as they are' cmp ca/Private/ca.2.key ca3/ca/Private/ca.2.key
expect 0 'and may rotate nothing without the root' at ca3 sh -c "! '$certpool' rotate ca --again"

# --- remove, killed ---
old=$(recorded_kid)
sealed() { ask "select md5(sealed) from $1 order by 1"; }
sealed shared_key >keys.before
sealed issuer_key >issuers.before
cp -r ca3 stolen
mkfifo lock
psql -qAt -h "$socket" -p "$port_of_database" -U certpool "$database" <lock >/dev/null &
locker=$!
exec 8>lock
printf 'begin; lock table certpool.store_key;\n\\! touch locked\n' >&8
check 'the new key cannot be handed over' eventually test -e locked
"$certpool" front-end remove ca3 >out 2>err &
remover=$!
waits() { ! kill -0 "$remover" 2>/dev/null || [ "$(ask "select count(*) from pg_locks where not granted and relation = 'store_key'::regclass")" != 0 ]; }
check 'a removal waits' eventually waits
kill -9 "$remover" 2>/dev/null
wait "$remover" 2>/dev/null
exec 8>&-
wait "$locker"
equal 'and changes nothing when it is killed' "$old" "$(recorded_kid)"
equal 'nothing at all' 'ca3' "$(ask "select name from front_end where name = 'ca3' and removed_at is null")"
expect 0 'a packet that nobody has opened yet' "$certpool" front-end add ca4 --passphrase-file p -q

# --- removed ---
expect 0 'the removal is done again' "$certpool" front-end remove ca3
says 'with what is left to do' 'run certpool rotate ca, revoke the old issuer'
check_not 'the record has another key of the store' test "$(recorded_kid)" = "$old"
equal 'which this host has' "$(recorded_kid)" "$(kid .)"
expect 0 'the list goes on' "$certpool" front-end list
prints 'with the one that was removed, whose key counts no more' '^ca3 +removed +[^ ]+ +[^ ]+ +[0-9]+ +- '
prints 'and the others with theirs' '^ca2 +serves +[^ ]+ +[^ ]+ +[0-9]+ +[0-9a-f]{16} '
equal 'all keys of clients are under it' '' "$(sealed shared_key | comm -12 - keys.before)"
equal 'and those of issuers' '' "$(sealed issuer_key | comm -12 - issuers.before)"
equal 'it is left for those that remain' '1 2' "$(ask 'select front_end from store_key order by 1' | xargs)"
equal 'the second serves on with the key that it has' "$old" "$(kid ca2)"
expect 0 'a key is rotated at the first' "$certpool" rotate key client1 --overlap 1h
CERTPOOL_CA=$second expect 0 'and taken at the second' "$certpool" renew client1 --all
equal 'as the record has it' "$(jq -r .kid client1/Private/shared_ca.jwk)" "$(ask "select kid from shared_key where client = 'client1'")"
check 'under the new issuer' issued_by_2 client1
expect 0 'a verb at the second' at ca2 "$certpool" client list
equal 'writes the new key there' "$(recorded_kid)" "$(kid ca2)"
expect 6 'the removed one is told' at ca3 "$certpool" list
says 'that it is' 'the front end ca3 was removed from this record'
ask "update front_end set removed_at = null where name = 'ca3'"
expect 6 'were that undone in the database' at stolen "$certpool" list
says 'it would not have the key' 'expected the key of the record .*, found another'
ask "update front_end set removed_at = 1 where name = 'ca3'"
mkdir ca4
expect 6 'a packet from before has the old key' at ca4 "$certpool" front-end join ../ca4.tar --passphrase-file ../p
says 'and is too old' 'the packet is too old: make another one with certpool front-end add ca4'
rm -r ca4 ca4.tar
join_as ca4
expect 0 'the log has both acts' "$certpool" audit list
prints 'the removal' 'front-end.*removed.*ca3'
prints 'and the new key' "front-end.*new key of the store"
expect 0 'and is whole' "$certpool" audit verify

# --- and rotated once more ---
expect 0 'the CA is rotated again' "$certpool" rotate ca --again
taken_3() { curl -sf -o crl3 "$second/crl/3"; }
check 'the second takes it up' eventually taken_3
stop "$second_server"
cd ca2 || exit 1
start ../second.log serve --listen "http://$host:0"
cd "$folder" || exit 1
second=$endpoint
CERTPOOL_CA=$second expect 0 'started anew, it issues' "$certpool" renew client2 --all
check 'under the newest' grep -q 'serialNumber *= *3' <(openssl x509 -in client2/cert/cert_key1.crt -noout -issuer)
expect 0 'the CA is well at the first' "$certpool" check
expect 0 'and at the one that joined last' at ca4 "$certpool" check

# --- an issuer that somebody has put into the database ---
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -out foreign.pem -subj /CN=foreign -days 9 2>log
openssl x509 -in foreign.pem -outform DER -out foreign.der
ask "insert into issuer (id, key_sha256, not_after, der) values (4, decode(repeat('01', 32), 'hex'), 4000000000, decode('$(od -An -v -tx1 foreign.der | tr -d ' \n')', 'hex'))"
expect 3 'a certificate that is not by the root' at ca4 "$certpool" list
says 'is refused' 'the certificate of issuer 4: '
check_not 'and written nowhere' test -e ca4/ca/cert/ca.4.crt
check 'nor by the one that serves' test ! -e ca2/ca/cert/ca.4.crt
