#!/usr/bin/env bash
# A CA whose record moves from a file into PostgreSQL, and back, and which goes on on either.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
[ -n "${CERTPOOL_TEST_POSTGRESQL-}" ] || exec "$(dirname "$0")/../../postgresql.sh" bash "$0"
. "$(dirname "$0")/../lib.sh"

# The record begins in a file; the databases are made here.
store=
url() { echo "postgresql:///$1?$CERTPOOL_TEST_POSTGRESQL"; }
for name in there elsewhere; do sql postgres "create database $name"; done
manifest 20 5 >manifest.yaml
printf 'version: 1\nca: {layout: ca, endpoint: "http://127.0.0.1:0", store: "%s"}\nclients:\n  client1: {pool: {size: 20}}\n  client2: {pool: {size: 5}, endpoint: "http://127.0.0.1:0"}\n' "$(url there)" >there.yaml

# --- a CA in a file ---
expect 0 'a CA with its record in a file' "$certpool" init -q
start_ca
check 'its clients enroll' "$certpool" request client1 -q
expect 0 'all members' "$certpool" enroll client1
expect 0 'one is revoked' "$certpool" revoke client1/key3
expect 0 'a client is added' "$certpool" client add client9

# --- what is refused ---
expect 2 'the target is said' "$certpool" store copy
says 'as it can be' 'expected --to URL, a database of PostgreSQL, or --to file'
expect 2 'the record is in the file already' "$certpool" store copy --to file
says 'which is said' 'ca.db is the CA.s record already'
expect 2 'a password is no part of a URL' "$certpool" store copy --to 'postgresql://a:secret@127.0.0.1/there'
check_not 'and not shown' grep -q secret err
expect 7 'no copy while the CA serves' "$certpool" store copy --to "$(url there)"
says 'which is named' "process $ca serves this CA already: stop it first"
stop "$ca"
equal 'a CA that was stopped' 0 "$stopped"
mkfifo held
command sqlite3 ca/state/ca.db <held >/dev/null &
holder=$!
exec 8>held
printf 'begin immediate;\n.shell touch holds\n' >&8
check 'another process writes the record' eventually test -e holds
expect 1 'no copy meanwhile' "$certpool" store copy --to "$(url there)"
says 'as is said' "another process is writing to the CA's record"
exec 8>&-
wait "$holder"
table_rows() { # the sum of all rows in the database, but for those of an empty record
	sql there "select (select count(*) from certpool.certificate) + (select count(*) from certpool.client) + (select sum(lines) from certpool.audit_chain)"
}
equal 'nor anything of it' 0 "$(table_rows)"

# --- killed ---
mkfifo lock
psql -qAt -h "$socket" -p "$port_of_database" -U certpool there <lock >/dev/null &
locker=$!
exec 8>lock
printf 'begin; lock table certpool.spent_key;\n\\! touch locked\n' >&8
check 'the last tables cannot be written' eventually test -e locked
"$certpool" store copy --to "$(url there)" >out 2>err &
copier=$!
waits() { ! kill -0 "$copier" 2>/dev/null || [ "$(sql there 'select count(*) from pg_locks where not granted')" != 0 ]; }
check 'a copy waits for them' eventually waits
kill -9 "$copier" 2>/dev/null
wait "$copier" 2>/dev/null
exec 8>&-
wait "$locker"
emptied() { [ "$(table_rows)" = 0 ]; }
check 'and leaves nothing when it is killed' eventually emptied

# --- there ---
dump() { # LAYOUT: all rows of all tables; a copy adds a line to the log, and forgets no other
	local table
	for table in $(sqlite3 "$1/state/ca.db" "select name from sqlite_schema where type = 'table' and name not like 'sqlite%' order by name"); do
		case $table in
			state) sqlite3 -quote "$1/state/ca.db" 'select revision, crl_number, attested_at from state' ;;
			audit | audit_chain | front_end) sqlite3 -quote "$1/state/ca.db" "select count(*) > 0 from $table" ;;
			*) sqlite3 -quote "$1/state/ca.db" "select * from $table order by 1" ;;
		esac | sed "s/^/$table: /"
	done
}
dump ca >before
sha256sum ca/state/ca.db >sum
expect 0 'the record is copied' "$certpool" store copy --to "$(url there)"
prints 'with the counts' '^certificate  *20$'
prints 'of all tables' '^client  *3$'
prints 'and the audit log' 'state/ca.db, with the same rows in [0-9]+ tables and [0-9]+ lines of 1 audit logs, which are whole$'
prints 'and the line for the manifest' 'now put into manifest.yaml, under ca: store: "postgresql:///there\?'
says 'and that the old record is over' 'ca/state/ca.db stays as it was: as soon as anything is issued from the copy'
check 'the source is as it was' sha256sum -c sum
for table in $(sqlite3 ca/state/ca.db "select name from sqlite_schema where type = 'table' and name not like 'sqlite%'"); do
	case $table in audit | shared_key) continue ;; esac
	equal "table $table has as many rows there" "$(sqlite3 ca/state/ca.db "select count(*) from $table")" "$(sql there "select count(*) from certpool.$table")"
done
equal 'the keys of the clients are there, too' 'client1 client2' "$(sql there 'select client from certpool.shared_key order by client' | xargs)"
check_not 'and not in plain text' grep -qFe "$(jq -r .k ca/Private/shared_client1.jwk)" <(sql there "select encode(sealed, 'escape') from certpool.shared_key")
expect 6 'a second copy is refused' "$certpool" store copy --to "$(url there)"
says 'with what is there' 'found the record of a CA, with 20 certificates, 3 clients and [0-9]+ audit lines: it is not overwritten'
mv manifest.yaml file.yaml
cp there.yaml manifest.yaml
expect 0 'with the line in the manifest the CA is well' "$certpool" check
expect 0 'its log is whole' "$certpool" audit verify
expect 0 'and has the copy' "$certpool" audit list
prints 'with its source' 'copied the record from: .*ca/state/ca.db'
start_ca
expect 3 'what was revoked is revoked' "$certpool" verify client2 client1/cert/cert_key3.crt --online
mv client1/cert certs
mkdir client1/cert
cp certs/root.crt client1/cert
rm certs/cert_key3.crt
expect 5 'a client asks the same again' "$certpool" enroll client1
prints 'but for that one' 'saved 19 certificates; 0 were there; 1 refused'
check 'and has the same answer' diff -r certs client1/cert
check 'another client has keys' "$certpool" request client2 -q
expect 0 'and enrolls' "$certpool" enroll client2
expect 0 'with ids that go on' "$certpool" list --client client2
expect 0 'another one is revoked' "$certpool" revoke client1/key4
expect 7 'no copy back while it serves' "$certpool" store copy --to file
says 'which is named' 'serves this CA already: stop it first'
stop "$ca"
equal 'it stops' 0 "$stopped"

# --- from one database to another ---
expect 0 'the record moves to another database' "$certpool" store copy --to "$(url elsewhere)" --json
check 'as an object of JSON' jq -e '.certificate == 25 and .client == 3 and .shared_key == 2 and (.manifest | startswith("store: "))' out
equal 'with its key of the store' "$(sql there 'select store_kid from certpool.state')" "$(sql elsewhere 'select store_kid from certpool.state')"

# --- and back ---
expect 6 'a file that is there is not overwritten' "$certpool" store copy --to file
says 'which is said' 'ca.db: there is a CA'
mkdir old
mv ca/state/ca.db* old
expect 0 'back into a file' "$certpool" store copy --to file
prints 'with the change of the manifest' 'now take the line store: out of manifest.yaml'
equal 'which is nobody else.s' 600 "$(mode ca/state/ca.db)"
equal 'and has no key' '0|' "$(sqlite3 ca/state/ca.db 'select (select count(*) from shared_key), store_kid from state')"
cp file.yaml manifest.yaml
expect 0 'the CA is well there' "$certpool" check
expect 0 'and its log whole' "$certpool" audit verify
start_ca
expect 3 'what was revoked in the database is revoked' "$certpool" verify client2 client1/cert/cert_key4.crt --online
expect 0 'a client has new certificates' "$certpool" renew client2 --all
stop "$ca"
equal 'and stops' 0 "$stopped"

# --- once round, nothing is lost ---
dump ca >before
sql postgres 'drop database there'
sql postgres 'create database there'
expect 0 'once more into a database' "$certpool" store copy --to "$(url there)"
mv ca/state/ca.db* old
cp there.yaml manifest.yaml
expect 0 'and back' "$certpool" store copy --to file
dump ca >after
check 'every row of every table came back as it was' cmp before after
