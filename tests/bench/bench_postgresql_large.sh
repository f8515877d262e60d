#!/usr/bin/env bash
# A record of ten million certificates in PostgreSQL, which SQL makes, beside a small one: what grows with it.
# shellcheck source-path=SCRIPTDIR source=postgresql.sh
. "$(dirname "$0")/postgresql.sh"

if [ -z "${CERTPOOL_TEST_POSTGRESQL-}" ]; then
	absent pg-large small 'missing: PostgreSQL'
	absent pg-large large 'missing: PostgreSQL'
	exit
fi

# fill N: N certificates of N / 100 clients, one of a hundred revoked. Indexes are made after the rows: that takes a
# fraction of the time.
fill() {
	local of_certificates="schemaname = 'certpool' and tablename = 'certificate' and indexname not in (select conname from pg_constraint)"
	local indexes
	indexes=$(sql "$database" "select string_agg(indexdef, ';') from pg_indexes where $of_certificates")
	sql "$database" "set search_path to certpool; set maintenance_work_mem to '512MB';
		do \$\$ declare name text; begin
			for name in select indexname from pg_indexes where $of_certificates loop execute 'drop index ' || name; end loop;
		end \$\$;
		alter table certificate drop constraint certificate_serial_key, drop constraint certificate_key_sha256_key;
		insert into certificate (serial, key_sha256, client, member, subject, issued_at, not_before, not_after, revoked_at, reason, der)
			select set_byte(substr(key, 1, 20), 0, 64), key, 'fleet' || i / 100, 'key' || i % 100, 'CN=fleet' || i / 100,
				now, now, now + 31536000, case when i % 100 = 0 then now end, case when i % 100 = 0 then 1 end, substr(key, 1, 16)
			from (select i, sha256(i::text::bytea) as key, extract(epoch from now())::bigint as now
				from generate_series(1, $1) as i) as made;
		alter table certificate add unique (serial), add unique (key_sha256);
		$indexes;
		update state set revision = revision + 1" && sql "$database" 'vacuum analyze'
}

# timed_ms NAME COMMAND…: adds the command's time to $found, in ms.
timed_ms() {
	timed "${@:2}" && add_ms "$1"
}
add_ms() { found+="\"$1_ms\":$(awk -v seconds="$seconds" 'BEGIN { printf "%.1f", seconds * 1000 }'),"; }

# prepare SIDE N: a CA with so many certificates, and a client with a pool of 100 for each run. What filling it left to
# be written is on the disk.
prepare() {
	local run
	new_folder "pg-large-$1"
	manifest 100 ecdsa-p256
	for ((run = 1; run <= RUNS; run++)); do
		echo "  asks$run: {pool: {size: 100}, policy: {certificates: 100, requests_per_minute: 1000000}}"
	done >>"$folder/manifest.yaml"
	record_in postgresql && certpool init && say "pg-large: $1: makes $2 certificates" && fill "$2" &&
		sql "$database" checkpoint
}
measure() { # SIDE N RUN
	local begun found=
	timed_ms crl "$CERTPOOL" crl --renew -q -o "$folder/crl$3" || return
	begun=$EPOCHREALTIME
	start serve || return
	since "$begun"
	add_ms start
	export CERTPOOL_CA=$endpoint
	certpool request "asks$3" && timed_ms enroll "$CERTPOOL" enroll "asks$3" || return
	timed_ms list "$CERTPOOL" list --client "fleet7$3" || return
	timed_ms status "$CERTPOOL" verify "asks$3" "$folder/asks$3/cert/cert_key1.crt" --online || return
	stop "$server"
	record pg-large "$1" "$2" 1 "{$found\"serve_kb\":$peak_kb}"
}
measure_all() { # SIDE N
	local run
	prepare "$1" "$2" || { absent pg-large "$1" 'failed'; return; }
	for ((run = 1; run <= RUNS; run++)); do attempt pg-large "$1" measure "$1" "$2" "$run"; done
}

measure_all small "$(size 100000 10000 1000)"
measure_all large "$(size 10000000 1000000 10000)"
