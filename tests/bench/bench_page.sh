#!/usr/bin/env bash
# The page for the operator, live and as a file, of a record of a million certificates, which SQL makes, beside a small
# one: what grows with it.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# fill N: N certificates of N / 100 clients, as they come in: clients take turns. One of ten has ended, one of a hundred
# is revoked, one member of ten has two.
fill() {
	sqlite3 "$folder/ca/state/ca.db" "pragma journal_mode = memory; pragma synchronous = off; pragma cache_size = -600000;
		with recursive each (i) as (select 0 union all select i + 1 from each where i + 1 < $1)
		insert into certificate (serial, key_sha256, client, member, subject, issued_at, not_before, not_after, revoked_at, reason, der)
			select cast(printf('%020d', i) as blob), cast(printf('%032d', i) as blob), printf('fleet%06d', i % clients),
				'key' || (i / clients % 90), printf('CN=fleet%06d', i % clients), now - 86400, now - 86400,
				now + (i * 7919 % 400 - 40) * 86400, iif(i % 100 = 0, now, null), iif(i % 100 = 0, 1, null), zeroblob(400)
			from each, (select unixepoch() as now, max($1 / 100, 1) as clients);
		insert into client (name, subject, alt_names, keys, validity, certificates, requests_per_minute, by_hand, joined_at)
			select distinct client, 'CN={client}', '', 'ecdsa-p256', 0, 200, 60, 63, issued_at from certificate;
		update state set revision = revision + 1" >>"$WORK/log" 2>&1 || fail "sqlite3 failed: see $WORK/log"
}

# get: sets $took to the milliseconds that the page takes.
get() {
	took=$(curl -sf --noproxy '*' -o "$folder/page" -w '%{time_total}' "$url") || { fail 'the page is not there'; return; }
	took=$(awk -v seconds="$took" 'BEGIN { printf "%.1f", seconds * 1000 }')
}

prepare() { # SIDE N
	new_folder "page-$1"
	manifest 1 ecdsa-p256
	free_port && sed -i "s|ca: {|&admin: \"http://127.0.0.2:$port\", |" "$folder/manifest.yaml"
	certpool init && say "page: $1: makes $2 certificates" && fill "$2" || return
	# The first start makes the token.
	start serve || return
	url=$(cd "$folder" && "$CERTPOOL" status --admin-url)
	stop "$server"
}

measure() { # SIDE N
	local first again file serve_kb
	start serve && get || return
	first=$took
	get || return
	again=$took
	stop "$server"
	serve_kb=$peak_kb
	timed "$CERTPOOL" status --html -o "$folder/page.html" || return
	file=$(awk -v seconds="$seconds" 'BEGIN { printf "%.1f", seconds * 1000 }')
	record page "$1" "$2" 1 "{\"first_ms\":$first,\"again_ms\":$again,\"file_ms\":$file,\"serve_kb\":$serve_kb,\"file_kb\":$peak_kb}"
}

for side in small large; do
	n=100
	[ "$side" = small ] || n=$(size 1000000 100000 1000)
	needs page "$side" sqlite3 curl || continue
	attempt page "$side" prepare "$side" "$n"
	for ((run = 0; run < RUNS; run++)); do attempt page "$side" measure "$side" "$n"; done
done
