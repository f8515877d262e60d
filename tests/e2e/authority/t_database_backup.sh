#!/usr/bin/env bash
# A CA whose record is in PostgreSQL: its backup has all but the record, names the command that copies that, and
# both together give the CA back.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
[ -n "${CERTPOOL_TEST_POSTGRESQL-}" ] || exec "$(dirname "$0")/../../postgresql.sh" bash "$0"
. "$(dirname "$0")/../lib.sh"

manifest 10 5 | sed "s|user=certpool|user=certpool\&application_name=the%20CA's%20record|" >manifest.yaml
echo 'a passphrase of the backup' >p
chmod 600 p
lose() { # what is lost: the database, which is there anew and empty, and with "host" the layout
	sql postgres "drop database \"$database\" with (force)"
	sql postgres "create database \"$database\""
	[ $# = 0 ] || rm -rf ca
}
in_archive() { tar tf "$1" | tr '\n' ' '; }

expect 0 'a CA with its record in a database' "$certpool" init -q
start_ca
check 'a client makes its pool' "$certpool" request client1 -q
expect 0 'and enrolls' "$certpool" enroll client1
expect 0 'a member is revoked' "$certpool" revoke client1/key3

# --- the backup, and the copy of the record ---
expect 0 'backup' "$certpool" backup "it's.tar" --passphrase-file p
prints 'says that the record is not in it' "^it's.tar: 5 keys, [0-9]+ octets; the record is in its database, and not in the backup: copy it now"
sed -n 2p out >paste.sh
check 'and names the command' grep -q '^pg_dump --format=custom --schema=certpool ' paste.sh
check 'with all parameters of the URL' grep -qF "application_name=the%20CA%27s%20record" paste.sh
check 'which asks for the server that takes changes' grep -q 'target_session_attrs=read-write' paste.sh
equal 'the archive has the rest' "BACKUP manifest.yaml cert/root.crt cert/ca.crl keys.enc state/front_end state/signed.log SHA256SUMS SHA256SUMS.hmac " \
	"$(in_archive "it's.tar")"
expect 0 'as JSON' "$certpool" backup second.tar --passphrase-file p --json
check 'the command is a member' jq -e '.keys == 5 and (has("certificates") | not) and (.dump | startswith("pg_dump "))' out
expect 0 'to standard output' "$certpool" backup - --without-keys
says 'the command is said' 'copy it now, too, with pg_dump .*--file=record.dump '
check 'another client makes its pool' "$certpool" request client2 -q
expect 0 'what is issued before the copy' "$certpool" enroll client2
expect 0 'the command works as it is printed' sh paste.sh
check 'and names its file after the backup' test -s "it's.tar.dump"

# --- the host and the database are lost ---
stop "$ca"
cp manifest.yaml kept.yaml
lose host
expect 4 'a restore without the record' "$certpool" restore "it's.tar" --passphrase-file p
says 'says how to put it back' ': pg_restore --exit-on-error --single-transaction --no-owner .*target_session_attrs=read-write.? DUMP$'
check_not 'and makes nothing' test -e ca/cert/root.crt
{ sed 's/.*: \(pg_restore .*\) DUMP$/\1/' err | tr -d '\n'; echo " \"it's.tar.dump\""; } >paste.sh
expect 0 'the command works with the file of the copy' sh paste.sh
expect 0 'restore' "$certpool" restore "it's.tar" --passphrase-file p
prints 'counts what is in the database' '^restored as of .*: 15 certificates, 1 revocation, 5 keys$'
expect 0 'the CA is whole, with what was issued after the backup' "$certpool" check
expect 0 'its audit log, too' "$certpool" audit verify
check 'which notes it' grep -q '"restored"' <("$certpool" audit list --json)
start_ca
rm client1/cert/cert_key[4-9].crt
expect 0 'it knows its clients and their certificates' "$certpool" enroll client1
equal 'none is certified twice' 15 "$(rows)"
expect 3 'what was revoked is' "$certpool" verify client1 client1/cert/cert_key3.crt --online
expect 0 'and it is well' "$certpool" check

# --- they are lost again ---
expect 0 'another backup' "$certpool" backup again.tar --passphrase-file p
sed -n 2p out >paste.sh
expect 0 'and copy of the record' sh paste.sh
stop "$ca"
lose host
expect 0 'which is put back' pg_restore --exit-on-error --no-owner -h "$socket" -p "$port_of_database" -U certpool \
	--dbname="$database" again.tar.dump
expect 0 'restore' "$certpool" restore again.tar --passphrase-file p
expect 0 'what was issued before the first loss is not held against the CA' "$certpool" check
start_ca

# --- several front ends: the keys that they share ---
expect 0 'a second front end is added' "$certpool" front-end add ca2 --passphrase-file p -q
mkdir ca2
expect 0 'and joins' sh -c "cd ca2 && '$certpool' front-end join ../ca2.tar --passphrase-file ../p -q"
expect 0 'a backup' "$certpool" backup third.tar --passphrase-file p
sed -n 2p out >paste.sh
expect 0 'the other one is removed, and so the key of the store changes' "$certpool" front-end remove ca2
expect 0 'and the record copied' sh paste.sh
expect 0 'after that, a member is revoked' "$certpool" revoke client1/key4
expect 0 'and is on the CRL' "$certpool" crl
stop "$ca"
cp ca/cert/ca.crl last.crl
cp client1/cert/cert_key4.crt revoked.crt
lose host
expect 0 'the record is put back' pg_restore --exit-on-error --no-owner -h "$socket" -p "$port_of_database" -U certpool \
	--dbname="$database" third.tar.dump
cp manifest.yaml kept.yaml
sed -i 's/, store: .*/}/' manifest.yaml
expect 6 'a manifest without the database' "$certpool" restore third.tar --passphrase-file p
says 'is told what it lacks' 'ca.store'
cp kept.yaml manifest.yaml
expect 0 'restore, with the last CRL' "$certpool" restore third.tar --passphrase-file p --crl last.crl
says 'which is taken in' 'last.crl: CRL number .* is taken in'
expect 0 'it is the front end that it was' "$certpool" front-end list
prints 'the first one' '^ca1 .*this host'
expect 0 'it has the new key of the store' "$certpool" check
start_ca
expect 3 'what was revoked after the copy is' "$certpool" verify client1 client1/cert/cert_key4.crt --online
expect 0 'it issues' "$certpool" renew client1 --all -q
stop "$ca"

# --- the database alone is lost ---
lose
expect 0 'the record is put back alone' pg_restore --exit-on-error --no-owner -h "$socket" -p "$port_of_database" -U certpool \
	--dbname="$database" third.tar.dump
expect 0 'restore' "$certpool" restore third.tar --passphrase-file p
says 'takes in the CRL that is there' 'cert/ca.crl: CRL number .* is taken in'
says 'and names what was issued since' 'state/signed.log names 10 certificates'
expect 3 'what was revoked after the copy is so still' "$certpool" verify client1 revoked.crt --crl ca/cert/ca.crl
expect 0 'the CA is whole' "$certpool" check

# --- another CA's ---
lose host
printf 'version: 1\nca: {layout: other, endpoint: "http://127.0.0.1:0"%s}\n' "$store" >other.yaml
expect 0 'another CA in the database' "$certpool" init -q -m other.yaml
expect 6 'is not taken for the one in the backup' "$certpool" restore "it's.tar" --passphrase-file p
says 'for its key' 'store.jwk: expected the key of the record'
expect 0 'once it has made a CRL' "$certpool" crl -m other.yaml
rm -rf ca
expect 6 'it is not either' "$certpool" restore "it's.tar" --passphrase-file p
says 'and is named' 'expected the record of .*, found that of another CA'
check_not 'and nothing is made' test -e ca/cert/root.crt
# --- a backup that has its record ---
printf 'version: 1\nca: {layout: lite, endpoint: "http://127.0.0.1:0"}\n' >lite.yaml
expect 0 'a CA in a file' "$certpool" init -q -m lite.yaml
expect 0 'its backup' "$certpool" backup lite.tar --passphrase-file p -m lite.yaml
expect 6 'is not restored into a database' "$certpool" restore lite.tar --passphrase-file p
says 'with what to do' 'its record is a file: leave ca.store out of the manifest'
