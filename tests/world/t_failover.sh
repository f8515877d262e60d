# shellcheck shell=bash
# A primary of PostgreSQL with a synchronous standby, on which two front ends work. The primary is killed while
# clients enroll and certificates are revoked, the standby takes its place, and the old primary comes back with what it
# knew.
. "$(dirname "$0")/../e2e/lib.sh"

bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
chmod 755 .
port1=$(free_port 26000)
port2=$(free_port $((port1 + 1)))
configure() { # NUMBER PORT
	cat >"s$1/data/postgresql.auto.conf" <<-END
		listen_addresses = ''
		port = $2
		unix_socket_directories = '$PWD/s$1'
		cluster_name = 's$1'
		fsync = off
		max_connections = 100
		shared_buffers = 32MB
		wal_retrieve_retry_interval = 100ms
	END
}
start_database() { # NUMBER: sets $server
	"${as[@]}" "$bin/postgres" -D "$PWD/s$1/data" >>"s$1.log" 2>&1 &
	server=$!
	eventually "$bin/pg_isready" -q -h "$PWD/s$1" -p "$2"
}
sql() { psql -qAt -h "$PWD/s$1" -p "$2" -U certpool -d "$3" -c "$4"; } # NUMBER PORT DATABASE SQL

# --- A primary, its standby, a CA ---
for number in 1 2; do
	mkdir "s$number"
	[ ${#as[@]} -eq 0 ] || chown nobody "s$number"
done
check 'there is a primary' "${as[@]}" env LC_ALL=C "$bin/initdb" -D "$PWD/s1/data" -U certpool --auth=trust --no-sync
configure 1 "$port1"
start_database 1 "$port1"
primary=$server
check 'with a database' sql 1 "$port1" postgres 'create database ca'
check 'and a standby' "${as[@]}" "$bin/pg_basebackup" -h "$PWD/s1" -p "$port1" -U certpool -D "$PWD/s2/data" -R -c fast --no-sync
conninfo=$(grep primary_conninfo s2/data/postgresql.auto.conf)
configure 2 "$port2"
echo "$conninfo" >>s2/data/postgresql.auto.conf
start_database 2 "$port2"
sql 1 "$port1" postgres "alter system set synchronous_standby_names = 'ANY 1 (s2)'"
sql 1 "$port1" postgres 'select pg_reload_conf()' >out
in_step() { [ "$(sql 1 "$port1" postgres 'select sync_state from pg_stat_replication')" = quorum ]; }
check 'which is synchronous' eventually in_step

{
	cat <<-END
		version: 1
		ca:
		  layout: ca
		  endpoint: "http://127.0.0.1:0"
		  store: "postgresql:///ca?host=$PWD/s1,$PWD/s2&port=$port1,$port2&user=certpool"
		clients:
	END
	for client in {1..8}; do echo "  client$client: {pool: {size: 300}}"; done
} >manifest.yaml
expect 0 'a CA is made' "$certpool" init
at2() { (cd second && "$@"); }
mkdir second
(umask 077 && echo 'a passphrase of the packet' >packet.phrase)
expect 0 'another front end is added' "$certpool" front-end add ca2 --passphrase-file packet.phrase
expect 0 'and joins' at2 "$certpool" front-end join ../ca2.tar --passphrase-file ../packet.phrase

# --- A server in recovery ---
with_hosts() { sed "s|host=[^&]*&port=[^&]*&|host=$1\&port=$2\&|" manifest.yaml >with.yaml; }
with_hosts "$PWD/s2" "$port2"
expect 7 'a server in recovery alone' "$certpool" list -m with.yaml
says 'is no server for a CA' 'the database cannot be reached: .*(read-only|recovery)'
with_hosts "$PWD/s2,$PWD/s1" "$port2,$port1"
expect 0 'first in the list it is passed over' "$certpool" client list -m with.yaml

# --- Both serve ---
cd second || exit 1
start ../second serve --listen "http://$host:0"
cd "$folder" || exit 1
second=$endpoint
second_server=$server
start_ca
for client in {1..8}; do "$certpool" request "client$client" >>out 2>&1; done
expect 0 'one client enrolls' "$certpool" enroll client2
expect 0 'a certificate is revoked' "$certpool" revoke client2/key3

# --- The primary is killed under load ---
clients=()
fronts=("$CERTPOOL_CA" "$second")
for client in {1..8}; do
	CERTPOOL_CA=${fronts[client % 2]} "$certpool" enroll "client$client" >"enroll$client.out" 2>"enroll$client.err" &
	clients+=($!)
done
# Others are revoked meanwhile, at either host. What was acknowledged is in the file.
revoke_others() {
	local member hosts=(. second)
	: >revoked
	for member in {10..299}; do
		[ -e revoking ] || return 0
		(cd "${hosts[member % 2]}" && "$certpool" revoke "client2/key$member" -q) >>revoke.log 2>&1 && echo "key$member" >>revoked
	done
}
touch revoking
revoke_others &
revoker=$!
eventually test -s revoked
busy() { [ "$(sql 1 "$port1" ca 'select count(*) from certpool.certificate')" -gt 600 ]; }
eventually busy
children=$(pgrep -P "$primary")
# shellcheck disable=SC2086 # numbers of processes
kill -9 "$primary" $children
check 'the standby is promoted' "${as[@]}" "$bin/pg_ctl" promote -D "$PWD/s2/data" -W
promoted=$(date +%s%N)
primary_again() { [ "$(sql 2 "$port2" postgres 'select pg_is_in_recovery()')" = f ]; }
eventually primary_again
ready=$(date +%s%N)
before=$(wc -l <revoked)
works() { curl -sf -o health "$1/health"; }
check 'the first front end works again, without a restart' eventually works "$CERTPOOL_CA"
first_well=$(date +%s%N)
check 'and the second' eventually works "$second"
echo "# $(((first_well - ready) / 1000000)) ms after the promotion the first front end was well"
echo "# $(((ready - promoted) / 1000000)) ms for the promotion, $((($(date +%s%N) - ready) / 1000000)) ms more to a healthy CA"

for i in "${!clients[@]}"; do
	check "client$((i + 1)) was enrolled" wait "${clients[$i]}"
done
revokes_again() { [ "$(wc -l <revoked)" -gt "$before" ]; }
check 'certificates are revoked again' eventually revokes_again
rm revoking
wait "$revoker"
equal 'each key is certified once' 2400 "$(sql 2 "$port2" ca "select count(distinct key_sha256) from certpool.certificate where client <> 'ca'")"
equal 'none twice' 2400 "$(sql 2 "$port2" ca "select count(*) from certpool.certificate where client <> 'ca'")"
recorded() { # every certificate that a client was given
	cat client*/cert/cert_key*.crt >given.pem
	openssl crl2pkcs7 -nocrl -certfile given.pem | openssl pkcs7 -print_certs -noout -text |
		awk '/Serial Number:$/ { getline; gsub(/[ :]/, ""); print }' | sort >given
	sql 2 "$port2" ca "select encode(serial, 'hex') from certpool.certificate where client <> 'ca'" | sort >kept
	cmp given kept
}
check 'no certificate that was given is lost' recorded
sql 2 "$port2" ca "select member from certpool.certificate where client = 'client2' and revoked_at is not null" | sort >recorded
equal 'no revocation that was acknowledged is lost' '' "$(sort revoked | comm -23 - recorded)"
echo "# $before certificates were revoked before the promotion, $(($(wc -l <revoked) - before)) after it"
expect 0 'the audit logs have no gap' "$certpool" audit verify
expect 0 'and the CA is whole' "$certpool" check
ocsp() { openssl ocsp -issuer ca/cert/root.crt -cert "client2/cert/cert_key$1.crt" -url "$CERTPOOL_CA/ocsp" -CAfile ca/cert/root.crt; }
expect 0 'what was revoked' ocsp 3
prints 'stays revoked' 'key3.crt: revoked'

# --- The old primary comes back ---
expect 0 'another certificate is revoked' "$certpool" revoke client2/key4
rm -f s1/data/postmaster.pid
start_database 1 "$port1"
equal 'it does not know of that' '' "$(sql 1 "$port1" ca "select revoked_at from certpool.certificate where client = 'client2' and member = 'key4'")"
# Who commits there waits for the standby, and keeps the lock of all writers from everybody else.
sql 1 "$port1" ca 'update certpool.state set version = version' >waiting.out 2>&1 &
waits() { [ "$(sql 1 "$port1" ca "select count(*) from pg_stat_activity where wait_event = 'SyncRep'")" -gt 0 ]; }
check 'a COMMIT waits there without end' eventually waits
sql 2 "$port2" ca "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = 'ca'" >out
believed() { ocsp 4 >out 2>&1 && grep -q 'key4.crt: good' out; }
for _ in {1..40}; do
	if believed; then
		fail 'the old primary is not believed' "$(cat out)"
		break
	fi
done
expect_revoked() { ocsp 4 >out 2>&1 && grep -q 'key4.crt: revoked' out; }
check 'the CA finds the one that takes its commits' eventually expect_revoked
for front in "$CERTPOOL_CA" "$second"; do check 'and is well at both front ends' eventually works "$front"; done
check_not 'and the old one was never believed' believed
for server in "$ca" "$second_server"; do
	stop "$server"
	equal 'a front end ends in order' 0 "$stopped"
done
# A server that waits for its standby does not end at SIGTERM.
for number in 1 2; do
	"${as[@]}" "$bin/pg_ctl" stop -D "$PWD/s$number/data" -m immediate >out
done
