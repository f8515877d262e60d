#!/usr/bin/env bash
# The record in PostgreSQL beside the record in a file, in turn; the server of the database shares the cores and the
# disk with the CA, its clients and the load generator.
# shellcheck source-path=SCRIPTDIR source=postgresql.sh
. "$(dirname "$0")/postgresql.sh"

if [ -z "${CERTPOOL_TEST_POSTGRESQL-}" ]; then
	for subject in enroll clients singles ocsp-fresh ocsp-kept; do
		absent "pg-$subject" postgresql 'missing: PostgreSQL'
	done
	exit
fi

# --- pools ---
enroll_in() { # SIDE: as the first row
	local request_s
	new_folder "pg-enroll-$1"
	manifest "$n" ecdsa-p256
	record_in "$1" && certpool init && start serve || return
	export CERTPOOL_CA=$endpoint
	timed "$CERTPOOL" request client1 || return
	request_s=$seconds
	timed "$CERTPOOL" enroll client1 || return
	stop "$server"
	record pg-enroll "$1" "$n" "$(add "$request_s" "$seconds")" "{\"enroll_s\":$seconds,\"serve_kb\":$peak_kb}"
}

# Four clients at once, whose pools are N together; sets $first to the CA's URL.
make_four_clients() { # SIDE
	{
		printf 'version: 1\nca: {layout: ca, endpoint: "http://127.0.0.1:0"}\nclients:\n'
		for i in 1 2 3 4; do
			echo "  client$i: {pool: {size: $((n / 4))}, policy: {certificates: 10000000, requests_per_minute: 1000000}}"
		done
	} >"$folder/manifest.yaml"
	export CERTPOOL_MANIFEST=$folder/manifest.yaml
	record_in "$1" && certpool init
}
# In second/, whose manifest is its own; sets $second to its URL.
start_second_front_end() {
	(umask 077 && echo 'a passphrase of the packet' >"$folder/phrase")
	certpool front-end add ca2 -o ca2.tar --passphrase-file phrase && mkdir "$folder/second" || return
	folder=$folder/second
	CERTPOOL_MANIFEST=manifest.yaml certpool front-end join ../ca2.tar --passphrase-file ../phrase || return
	CERTPOOL_MANIFEST=manifest.yaml start serve || return
	folder=${folder%/second}
	second=$endpoint
}
enroll_at() { # one|two: front ends
	local i endpoints asking=() processes=() most_kb=0
	new_folder "pg-clients-$1"
	make_four_clients postgresql && start serve || return
	endpoints=("$endpoint" "$endpoint") processes=("$server")
	if [ "$1" = two ]; then
		start_second_front_end || return
		endpoints[1]=$second processes+=("$server")
	fi
	for i in 1 2 3 4; do certpool request "client$i" || return; done
	sync
	begun=$EPOCHREALTIME
	for i in 1 2 3 4; do
		CERTPOOL_CA=${endpoints[i % 2]} "$CERTPOOL" enroll "client$i" >>"$WORK/log" 2>&1 &
		asking+=($!)
	done
	for i in "${asking[@]}"; do wait "$i" || return; done
	since "$begun"
	for server in "${processes[@]}"; do
		stop "$server"
		[ "$peak_kb" -le "$most_kb" ] || most_kb=$peak_kb
	done
	record pg-clients "$1" $((n / 4 * 4)) "$seconds" "{\"serve_kb\":$most_kb}"
}

# --- one certificate in each transaction of a client ---
record_singly() { # SIDE
	local found
	new_folder "pg-singles-$1"
	make_four_clients "$1" || return
	sync
	found=$("$PROGRAMS/single_certificates" "$record" 8 "$(size 5 1 0.2)" 2>>"$WORK/log") || return
	record pg-singles "$1" "$(jq .certificates <<<"$found")" "$(jq .seconds <<<"$found")"
}

# --- OCSP ---
make_question() { # MEMBER FILE [OPTION]
	openssl ocsp -issuer "$folder/ca/cert/root.crt" -cert "$folder/client1/cert/cert_key$1.crt" -reqout "$2" "${@:3}" >>"$WORK/log" 2>&1
}
prepare_ocsp() { # SIDE
	local member
	new_folder "pg-ocsp-$1"
	manifest "$members" ecdsa-p256
	record_in "$1" && certpool init && start serve || return
	export CERTPOOL_CA=$endpoint
	certpool request client1 && certpool enroll client1 || return
	for member in $(seq "$members"); do
		make_question "$member" "$folder/fresh$member" && make_question "$member" "$folder/kept$member" -no_nonce || return
	done
	echo "$endpoint/ocsp" >"$folder/url"
}
ask_ocsp() { # SIDE FOLDER KIND
	local bodies=() file
	for file in "$2/$3"*; do bodies+=(--body "$file"); done
	load --connections 4 --seconds "$(size 3 0.5 0.2)" --content-type application/ocsp-request "${bodies[@]}" "$(cat "$2/url")" || return
	record "pg-ocsp-$3" "$1" "$(jq .requests <<<"$loaded")" "$(jq .seconds <<<"$loaded")" "$(jq -c '{p50_ms, p99_ms}' <<<"$loaded")"
}

# --- a synchronous standby ---
as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
in_step() { [ "$(sql postgres 'select sync_state from pg_stat_replication')" = quorum ]; }
start_standby() {
	"${as[@]}" "$bin/pg_basebackup" -h "$socket" -p "$server_port" -U certpool -D "$socket/standby" -R -c fast >>"$WORK/log" 2>&1 || return
	free_port
	printf "listen_addresses = ''\nport = %s\ncluster_name = 'standby'\n" "$port" >>"$socket/standby/postgresql.auto.conf"
	"${as[@]}" "$bin/postgres" -D "$socket/standby" >>"$WORK/log" 2>&1 &
	servers+=($!)
	sql postgres "alter system set synchronous_standby_names = 'ANY 1 (standby)'" &&
		sql postgres 'select pg_reload_conf()' >>"$WORK/log" && wait_until in_step
}

n=$(size 10000 2000 20)
members=$(size 100 50 3)
prepare_ocsp sqlite && in_sqlite=$folder && prepare_ocsp postgresql && in_postgresql=$folder || exit
for ((run = 0; run < RUNS; run++)); do
	for side in sqlite postgresql; do
		attempt pg-enroll $side enroll_in $side
		attempt pg-singles $side record_singly $side
	done
	for front_ends in one two; do attempt pg-clients $front_ends enroll_at $front_ends; done
	for kind in fresh kept; do
		attempt pg-ocsp-$kind sqlite ask_ocsp sqlite "$in_sqlite" $kind
		attempt pg-ocsp-$kind postgresql ask_ocsp postgresql "$in_postgresql" $kind
	done
done
start_standby || exit
for ((run = 0; run < RUNS; run++)); do attempt pg-enroll standby enroll_in standby; done
