#!/usr/bin/env bash
# A database that asks for a password (scram-sha-256): where it may stand, and what a wrong one is told.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
[ -n "${CERTPOOL_TEST_POSTGRESQL-}" ] || exec "$(dirname "$0")/../postgresql.sh" bash "$0"
. "$(dirname "$0")/../e2e/lib.sh"

address="host=127.0.0.1 port=$port_of_database user=certpool dbname=postgres"
data=$(psql -qAt "$address" -c 'show data_directory')
(umask 077 && openssl rand -hex 16 >right && openssl rand -hex 16 >wrong)
printf "create role keeper login password '%s'" "$(cat right)" | psql -qAt "$address"
psql -qAt "$address" -c "alter database \"$database\" owner to keeper"
{
	echo 'host all keeper 127.0.0.1/32 scram-sha-256'
	cat "$data/pg_hba.conf"
} >hba
cat hba >"$data/pg_hba.conf"
psql -qAt "$address" -c 'select pg_reload_conf()' >out
asks() { PGPASSWORD=no psql -qAt "host=127.0.0.1 port=$port_of_database user=keeper dbname=$database" -c 'select 1' 2>&1 | grep -q 'password authentication failed'; }
check 'the database asks for a password' eventually asks

line() { (umask 077 && printf '127.0.0.1:%s:%s:keeper:%s\n' "$port_of_database" "$database" "$(cat "$1")" >"$2"); } # PASSWORD FILE
line right right.pass
line wrong wrong.pass
with_url() { # URL
	printf 'version: 1\nca: {layout: ca, endpoint: "http://127.0.0.1:0", store: "%s"}\nclients: {client1: {pool: {size: 3}}}\n' "$1" >manifest.yaml
}
url="postgresql://keeper@127.0.0.1:$port_of_database/$database"
# Nobody's own files.
export HOME=$PWD
with_url "$url"
expect 7 'without a password' "$certpool" init
says 'the CA is told that there is none' 'the database cannot be reached: .*no password supplied'
expect 7 'PGPASSWORD is no place for it' env PGPASSWORD="$(cat right)" "$certpool" init
says 'and counts for nothing' 'no password supplied'
expect 7 'a wrong one' env PGPASSFILE="$PWD/wrong.pass" "$certpool" init
says 'is refused by the server' 'the database cannot be reached: .*password authentication failed for user "keeper"'
expect 0 'PGPASSFILE has it' env PGPASSFILE="$PWD/right.pass" "$certpool" init -q
cp right.pass .pgpass
expect 0 'so has ~/.pgpass' "$certpool" list
chmod 644 .pgpass
expect 7 'but not if others may read it' "$certpool" list
says 'and then there is none' 'no password supplied'
rm .pgpass
with_url "$url?passfile=right.pass"
expect 0 'the file of the parameter, beside the manifest' "$certpool" list
mkdir elsewhere
expect 0 'from wherever the CA is called' sh -c "cd elsewhere && '$certpool' list -m ../manifest.yaml"
with_url "$url?passfile=wrong.pass"
expect 7 'a wrong one there' env PGPASSFILE="$PWD/right.pass" "$certpool" list
says 'counts before the environment' 'password authentication failed'

# A service may say all of it, and counts as another host.
printf '[record]\nhost=127.0.0.1\nport=%s\nuser=keeper\ndbname=%s\n' "$port_of_database" "$database" >services
printf '  store: {url: "postgresql:///?service=record&sslmode=disable&passfile=right.pass", verify: none}\n' >service.line
{
	printf 'version: 1\nca:\n  layout: ca\n  endpoint: "http://127.0.0.1:0"\n'
	cat service.line
	printf 'clients: {client1: {pool: {size: 3}}}\n'
} >manifest.yaml
expect 0 'a service of PGSERVICEFILE' env PGSERVICEFILE="$PWD/services" "$certpool" list
expect 7 'which is not there' env PGSERVICEFILE="$PWD/none" "$certpool" list
says 'is named' '"record"|none'
export PGSERVICEFILE=$PWD/services
start_ca
expect 0 'the CA serves by it' "$certpool" request client1
expect 0 'and certifies' "$certpool" enroll client1
psql -qAt "$address" -c "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'keeper'" >out
rm client1/cert/cert_key1.crt
expect 0 'connections that it makes later have the password, too' "$certpool" enroll client1
check_not 'which is in no log' grep -qFf right serve.out serve.err out err
tr '\0' '\n' <"/proc/$ca/environ" >environment
check_not 'nor in the environment or arguments' grep -qFf right environment "/proc/$ca/cmdline"
stop "$ca"
equal 'it ends in order' 0 "$stopped"
