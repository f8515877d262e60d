#!/usr/bin/env bash
# A database that cannot be used, or not yet: what the CA says, and what it does then.
# shellcheck source-path=SCRIPTDIR source=front_ends.sh
. "$(dirname "$0")/front_ends.sh"

manifest 3 1 >manifest.yaml
url=$(sed -n 's/.*store: "\([^"]*\)".*/\1/p' manifest.yaml)
# with URL: a manifest with that record
with() { sed "s|store: \"[^\"]*\"|store: \"${1//&/\\&}\"|" manifest.yaml >with.yaml; }
try() { "$certpool" "$1" -m with.yaml "${@:2}"; }
address="host=127.0.0.1 port=$port_of_database user=certpool"

# --- URLs ---
with "${url/user=/usr=}"
expect 2 'a parameter that libpq does not know' try init
says 'is named' 'with.yaml:[0-9:]+ ?ca.store: .*usr|expected a URL of libpq: .*usr'
with "${url/$database/nowhere}"
expect 7 'a database that is not there' try init
says 'is named' 'the database cannot be reached: .*"nowhere" does not exist'
with "${url/user=certpool/user=nobody1}"
expect 7 'a role that is not there' try init
says 'is named' 'role "nobody1" does not exist'
mkdir empty
: >empty/libpq.so.5
expect 1 'a host without libpq' env LD_LIBRARY_PATH="$PWD/empty" "$certpool" init
says 'is told which package has it' 'a record in PostgreSQL needs the library libpq.so.5: install the package libpq5'
expect 0 'and a CA on SQLite goes without' sh -c "mkdir lite && printf 'version: 1\nca: {layout: ca, endpoint: \"http://127.0.0.1:0\"}\n' >lite/manifest.yaml && LD_LIBRARY_PATH='$PWD/empty' '$certpool' init -m lite/manifest.yaml -q"
rm -rf ca client1 client2

# --- rights ---
sql "$database" 'create role reader login'
with "${url/user=certpool/user=reader}"
expect 1 'a role that may make no tables' try init
says 'is told whose the database should be' 'the role of this CA lacks a right: make it the owner of the database'
rm -rf ca client1 client2

# --- a CA ---
join_second
with "${url/user=certpool/user=reader}"
expect 1 'a role that may not read the record' try list
says 'is told so too' 'lacks a right'
sql "$database" "alter role reader set default_transaction_read_only = on"
expect 7 'a server that takes no changes' try list
says 'is passed over' 'read-only'

# --- a database that is away when the CA starts ---
mv "$socket/.s.PGSQL.$port_of_database" "$socket/gone"
mkfifo ready
"$certpool" serve --listen "http://$host:0" --ready 7 7<>ready >serve.out 2>serve.err &
server=$!
check 'serve says that it waits for its database' eventually grep -q 'the database cannot be reached: .*; waits for it' serve.err
check_not 'and is not ready' read -r -t 0 <>ready
check 'but runs' kill -0 "$server"
mv "$socket/gone" "$socket/.s.PGSQL.$port_of_database"
read -r -t 300 endpoint <>ready
check 'once the database is there it is ready' curl -sf -o health "$endpoint/health"
rm ready
expect 0 'a client enrolls' env CERTPOOL_CA="$endpoint" sh -c "'$certpool' request client1 -q && '$certpool' enroll client1 -q"
first=$endpoint first_server=$server

# --- another version, while it serves ---
sql "$database" 'update certpool.state set version = version + 1'
is_unwell() { [ "$(curl -s -o health -w '%{http_code}' "$first/health")" = 503 ]; }
check 'a CA whose record was upgraded by a newer one is not well' eventually is_unwell
check 'and says what to do' eventually grep -q 'expected a record of version [0-9]*, found version [0-9]*: use the certpool that made it, or a newer one' serve.err
rm client1/cert/cert_key1.crt
expect 1 'and certifies nothing' env CERTPOOL_CA="$first" "$certpool" enroll client1
expect 1 'a verb refuses it, too' "$certpool" list
says 'with both versions' 'expected a record of version [0-9]*, found version [0-9]*'
says 'and the order to upgrade in' 'of several front ends replace the program on every host first, then restart serve on each$'
sql "$database" 'update certpool.state set version = version - 1'
is_well() { curl -sf -o health "$first/health"; }
check 'back it is well again' eventually is_well
expect 0 'and certifies' env CERTPOOL_CA="$first" "$certpool" enroll client1

# --- a front end whose key is another ---
cp second/ca/Private/store.jwk store.jwk
jose jwk gen -i '{"alg":"A256GCM"}' -o other.jwk
jq -c --arg k "$(jq -r .k other.jwk)" '.k = $k | .kid = "AAAAAAAAAAAAAAAAAAAAAA"' store.jwk >second/ca/Private/store.jwk
check_not 'a front end with another key of the store does not serve' at2 try_start ../other serve --listen "http://$host:0"
check 'and is told so' grep -qE 'store.jwk' other.err
cp store.jwk second/ca/Private/store.jwk
chmod 600 second/ca/Private/store.jwk
openssl ecparam -name prime256v1 -genkey -noout 2>out | openssl pkcs8 -topk8 -nocrypt -out other.key
mv second/ca/Private/root.key root.key
cp other.key second/ca/Private/root.key
chmod 600 second/ca/Private/root.key
check_not 'nor one with another issuing key' at2 try_start ../other serve --listen "http://$host:0"
check 'and is told so' grep -qE 'root' other.err
mv root.key second/ca/Private/root.key

# --- a clock that is ahead ---
certpool_at=$certpool
clocked ahead +2m
certpool=$PWD/ahead
start_second
certpool=$certpool_at
check 'a front end whose clock is two minutes ahead serves beside the other' eventually both_serve
one_clock() { "$certpool" front-end list --json | jq -se 'map(.heartbeat | fromdate) | (max - min) < 30'; }
check 'its heartbeat is by the clock of the database' eventually one_clock
expect 0 'a client asks it' env CERTPOOL_CA="$second" "$certpool" verify client2 client1/cert/cert_key1.crt --online
expect 0 'another enrolls there' env CERTPOOL_CA="$second" sh -c "'$certpool' request client2 -q && '$certpool' enroll client2 -q"
check 'its certificates are valid by the right clock' openssl verify -CAfile ca/cert/root.crt client2/cert/cert_key1.crt
expect 0 'the logs of both are whole' "$certpool" audit verify
stop "$second_server"

# One that is further ahead makes a CRL that nobody can use yet: the next front end with the right clock makes another.
stop "$first_server"
clocked ahead +10m
expect 0 'a front end whose clock is ten minutes ahead revokes' at2 "$PWD/ahead" revoke client2/key1
start_first
listed() { curl -s -o crl.der "$first/crl" && openssl crl -inform DER -in crl.der -noout "$@"; }
this_update() { date -d "$(listed -lastupdate | sed 's/.*=//')" +%s; }
right_again() { [ "$(this_update)" -le $(($(date +%s) + 300)) ] && [ "$(listed -text | grep -c 'Serial Number')" = 1 ]; }
check 'the other one makes the CRL anew, by its own clock' eventually right_again
expect 0 'the log' "$certpool" audit list
prints 'says so' 'the one before was from the future'

# --- TLS to the database ---
mkdir tls
issue() { # NAME SAN
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "tls/$1.key" -subj "/CN=$1" -addext "subjectAltName=$2" -out "tls/$1.csr" 2>out &&
		openssl x509 -req -in "tls/$1.csr" -CA tls/root.crt -CAkey tls/root.key -copy_extensions copy -days 2 -out "tls/$1.crt" 2>out
}
for name in root other; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "tls/$name.key" -subj "/CN=$name of the database" -days 2 -out "tls/$name.crt" 2>out
done
issue db IP:127.0.0.1
issue wrong DNS:elsewhere.example
data=$(psql -qAt "$address dbname=postgres" -c 'show data_directory')
secure() { # NAME: the server has that certificate from the next connection on
	cp "tls/$1.crt" "$data/server.crt"
	cp "tls/$1.key" "$data/server.key"
	chmod 600 "$data/server.key"
	chown --reference="$data" "$data/server.crt" "$data/server.key"
	psql -qAt "$address dbname=postgres" -c 'alter system set ssl = on' -c 'select pg_reload_conf()' >out
	eventually has_certificate "$1"
}
has_certificate() {
	openssl s_client -starttls postgres -connect "127.0.0.1:$port_of_database" </dev/null 2>/dev/null | openssl x509 -outform DER 2>/dev/null | cmp -s - <(openssl x509 -in "tls/$1.crt" -outform DER)
}
secure db
over_tls="postgresql://certpool@127.0.0.1:$port_of_database/$database?sslmode=verify-full&sslrootcert=$PWD/tls"
with "$over_tls/root.crt"
expect 0 'TLS to the database, with its root' try list
CERTPOOL_MANIFEST=with.yaml
export CERTPOOL_MANIFEST
stop "$first_server"
start_first
unset CERTPOOL_MANIFEST
encrypted() { [ "$(psql -qAt "$address dbname=postgres" -c "select count(*) from pg_stat_ssl s join pg_stat_activity a using (pid) where a.datname = '$database' and s.ssl")" -gt 0 ]; }
check 'the connections of serve are encrypted' eventually encrypted
cut_off() { psql -qAt "$address dbname=postgres" -c "select pg_terminate_backend(pid) from pg_stat_activity where datname = '$database'" >out; }
cut_off
rm client1/cert/cert_key1.crt
expect 0 'also those that it makes later' env CERTPOOL_CA="$first" "$certpool" enroll client1
check 'which are encrypted' eventually encrypted
with "$over_tls/other.crt"
expect 7 'TLS to the database, with another root' try list
says 'is refused' 'certificate verify failed'
secure wrong
with "$over_tls/root.crt"
expect 7 'a certificate of another name' try list
says 'is refused' 'does not match host name "127.0.0.1"'
cut_off
is_well_not() { ! is_well; }
check 'and by the CA that serves' eventually is_well_not
secure db
check 'until the right one is there' eventually is_well
psql -qAt "$address dbname=postgres" -c 'alter system set ssl = off' -c 'select pg_reload_conf()' >out
plain_again() { ! has_certificate db; }
eventually plain_again
expect 7 'a server without TLS' try list
says 'is refused' 'server does not support SSL'
stop "$first_server"
equal 'the CA ends in order' 0 "$stopped"

# --- encodings ---
for encoding in UTF8 SQL_ASCII; do
	psql -qAt "$address dbname=postgres" -c "create database \"$encoding\" encoding '$encoding' locale 'C' template template0"
	mkdir "$encoding"
	{ printf 'version: 1\nca: {layout: ca, endpoint: "http://127.0.0.1:0", store: "%s"}\n' "${url/$database/$encoding}"
	printf 'clients:\n  client1: {pool: {size: 2, subject: "CN=Zoë 東京 {index}"}, policy: {subject: "CN=Zoë 東京 {index}"}}\n'; } >"$encoding/manifest.yaml"
	cd "$encoding" || exit 1
	expect 0 "a database in $encoding takes a CA" "$certpool" init -q
	start_ca
	"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
	expect 0 'and lists its members' "$certpool" list --json --client client1
	equal 'with their names' 'CN=Zoë 東京 1 CN=Zoë 東京 2' "$(jq -r .subject out | sort | xargs)"
	expect 0 'and is well' "$certpool" check
	stop "$ca"
	cd "$folder" || exit 1
done
psql -qAt "$address dbname=postgres" -c "create database \"LATIN1\" encoding 'LATIN1' locale 'C' template template0"
with "${url/$database/LATIN1}"
rm -rf ca client1 client2
expect 1 'a database in LATIN1' try init
says 'cannot have all names' 'expected a database in UTF8, found one in LATIN1'
