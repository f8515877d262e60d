# shellcheck shell=bash
# The record in PostgreSQL: every verb, the refusals of ca.store, and the database going away.
[ -n "${CERTPOOL_TEST_POSTGRESQL-}" ] || exec "$(dirname "$0")/../../postgresql.sh" bash "$0"
. "$(dirname "$0")/../lib.sh"

store_manifest() { # STORE
	cat <<-END
		version: 1
		ca:
		  layout: ca
		  endpoint: "http://127.0.0.1:0"
		  store: $1
		clients:
		  client1: {pool: {size: 20}}
		  client2: {pool: {size: 5}, endpoint: "http://127.0.0.1:0"}
	END
}

# --- The manifest ---
store_manifest '"postgresql://certpool:secret@db/ca"' >manifest.yaml
expect 2 'a password in the URL is refused' "$certpool" init
says 'with a place for it' '^certpool init: manifest.yaml:5:10: ca.store: .*put it into ~/.pgpass'
check_not 'and not shown' grep -q secret err
store_manifest '"postgresql://db/ca?sslmode=require"' >manifest.yaml
expect 2 'a weak sslmode towards another host is refused' "$certpool" init
says 'with what to write' 'expected sslmode=verify-full towards another host'
store_manifest '{url: "postgresql://127.0.0.1:1/ca", verify: none}' >manifest.yaml
expect 7 'without a server nothing is made' "$certpool" init
says 'and the reason is given' 'postgresql://127.0.0.1:1/ca: the database cannot be reached: .*refused'
rm -rf ca client1 client2

# --- A CA ---
sql postgres 'create database ca'
store_manifest "\"postgresql:///ca?$CERTPOOL_TEST_POSTGRESQL\"" >manifest.yaml
expect 0 'a CA is made' "$certpool" init
check_not 'without a record of its own' test -e ca/state/ca.db
expect 0 'and again' "$certpool" init
silent 'with nothing more to make'
PGHOST=/nonexistent PGDATABASE=other start_ca
expect 0 'a client enrolls, whatever the environment says of databases' "$certpool" request client1
expect 0 'in one request' "$certpool" enroll client1
equal 'its certificates are in the database' 20 "$(sql ca 'select count(*) from certpool.certificate')"
rm client1/cert/cert_key*.crt
expect 0 'enrolled again' "$certpool" enroll client1
equal 'each key is certified once' 20 "$(sql ca 'select count(*) from certpool.certificate')"
expect 0 'a certificate is revoked' "$certpool" revoke client1/key3
expect 3 'which the CA says' "$certpool" verify client2 client1/cert/cert_key3.crt --online
expect 0 'and of the others that they are good' "$certpool" verify client2 client1/cert/cert_key4.crt --online
expect 0 'OCSP says so, too' openssl ocsp -issuer ca/cert/root.crt -cert client1/cert/cert_key3.crt \
	-url "$CERTPOOL_CA/ocsp" -CAfile ca/cert/root.crt
prints 'revoked' 'key3.crt: revoked'
expect 0 'list' "$certpool" list --client client1
prints 'has the members' 'revoked  *client1/key3'
expect 0 'status' "$certpool" status
prints 'counts' 'certificates 21, valid 20, expired 0, revoked 1'
expect 0 'a client is added' "$certpool" client add client9
expect 0 'and shown' "$certpool" client list
prints 'by name' '^client9 '
expect 0 'what ended is pruned' "$certpool" prune
expect 0 'the audit log is whole' "$certpool" audit verify
expect 0 'and the CA' "$certpool" check
check 'the server may be asked for its health' curl -sf "$CERTPOOL_CA/health"
expect 0 'backup leaves the record to the means of its database' "$certpool" backup b.tar --without-keys
prints 'with the command' '^pg_dump --format=custom --schema=certpool'

# --- The library, and the tables ---
check_not 'the program is linked with neither libpq, libcurl nor OpenSSL' grep -E 'lib(pq|curl|crypto|ssl)' <(ldd "$certpool")
check 'a CA in PostgreSQL loads it' grep -q libpq.so "/proc/$ca/maps"
printf 'version: 1\nca: {layout: lite, endpoint: "http://127.0.0.1:0"}\n' >lite.yaml
expect 0 'a CA on SQLite' "$certpool" init -m lite.yaml -q
start lite serve -m lite.yaml --listen "http://$host:0"
for process in "$server" "$(pgrep -P "$server")"; do
	check 'has GnuTLS in its process' grep -q libgnutls "/proc/$process/maps"
	check_not 'and neither libpq, libcurl nor OpenSSL' grep -E 'lib(pq|curl|crypto|ssl)' "/proc/$process/maps"
done
stop "$server"
mkdir empty
: >empty/libcurl-gnutls.so.4
without_libcurl() { env LD_LIBRARY_PATH="$PWD/empty" "$certpool" "$@"; }
expect 1 'a client without libcurl' without_libcurl verify client1 client1/cert/cert_key1.crt --online
says 'is told which package has it' 'a request over HTTP needs the library libcurl-gnutls.so.4: install the package libcurl3-gnutls'
expect 0 'a CA does without' without_libcurl list -m lite.yaml
sed 's|http://127.0.0.1:0"|https://127.0.0.1:0", acme: {}|' lite.yaml >acme.yaml
expect 1 'but for ACME, which it loads before it gives up files' without_libcurl serve -m acme.yaml --listen "https://$host:0"
says 'it says so' 'install the package libcurl3-gnutls'
sqlite_columns() {
	sqlite3 lite/state/ca.db "select m.name || '.' || c.name from sqlite_schema m, pragma_table_info(m.name) c
		where m.type = 'table' and m.name not like 'sqlite%' and c.name <> 'log_needed'" | sort
}
equal 'both databases have the same columns' "$(sqlite_columns)" "$(sql ca "select table_name || '.' || column_name
	from information_schema.columns where table_schema = 'certpool'
	and table_name || '.' || column_name <> 'state.version'" | sort)"

# --- Another CA ---
sed 's/layout: ca$/layout: other/' manifest.yaml >other.yaml
expect 6 'another CA does not take the same database' "$certpool" init -m other.yaml
says 'and is told why' '21 certificates were issued'

# --- The database goes away, and comes back ---
refuses() { [ "$(curl -s -o health -w '%{http_code}' "$CERTPOOL_CA/health")" = 503 ]; }
works() { curl -sf -o health "$CERTPOOL_CA/health"; }
# All processes of the server stop, those of its sessions too, so that nobody is told that they end.
postmaster=$(head -n 1 "$socket/data/postmaster.pid")
signal_server() { # SIGNAL
	kill "-$1" "$postmaster"
	pgrep -P "$postmaster" | xargs kill "-$1"
}
signal_server STOP
# Nothing of the server waits for what the database would say to strangers.
printf '%s.' "$(printf '{"alg":"A256KW","enc":"A256GCM","kid":"unknown","typ":"certpool.status"}' | base64 -w 0 | tr '+/' '-_' | tr -d '=')" >stranger
for number in $(seq 32); do
	curl -s --max-time 600 -o answer -w '%{http_code}\n' -H 'Content-Type: application/jose' --data-binary @stranger "$CERTPOOL_CA/v1/status" >"stranger.$number" &
	strangers+=($!)
done
for _ in $(seq 8); do check 'while it hangs, strangers keep nobody from the root' curl -sf --max-time 600 -o root "$CERTPOOL_CA/root.crt"; done
check 'without its database the CA is not well' eventually refuses
check 'without its database the CA says so in /health' grep -q '"reasons":\["store"\]' health
since() { curl -s -o health "$CERTPOOL_CA/health"; grep -q '"no commit for [0-9]* s"' health; }
check 'and for how long' eventually since
expect 7 'a client that asks for a status gets none' "$certpool" verify client2 client1/cert/cert_key4.crt --online
says 'and is told to ask again' '503'
check 'and serves its CRL' curl -sf -o crl "$CERTPOOL_CA/crl"
check 'and its root' curl -sf -o root "$CERTPOOL_CA/ca.crt"
signal_server CONT
check 'it recovers by itself' eventually works
wait "${strangers[@]}"
equal 'each stranger was refused, or told to ask again' '' "$(cat stranger.* | grep -vxE '400|503')"
rm client1/cert/cert_key5.crt
expect 0 'and certifies again' "$certpool" enroll client1
stop "$ca"
equal 'it ends in order' 0 "$stopped"
