#!/usr/bin/env bash
# Runs a command beside a PostgreSQL server of its own, and stops the server at the end:
#
#   tests/postgresql.sh COMMAND…
#
# The server has its files in a temporary folder, belongs to an unprivileged user (initdb refuses root),
# and listens on a socket there and on 127.0.0.1. The command finds in the environment
# CERTPOOL_TEST_POSTGRESQL, the parameters of a URL for its socket, as in postgresql:///NAME?PARAMETERS;
# the databases are for the command to make. fsync is off, as no test pulls the plug; a benchmark sets
# CERTPOOL_TEST_FSYNC=on.
set -eu
cluster=$(mktemp -d)
chmod 755 "$cluster"
as=()
[ "$(id -u)" != 0 ] || {
	as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
	chown nobody "$cluster"
}
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[ -x "$bin/initdb" ] || {
	echo 'postgresql.sh: expected PostgreSQL, found none: run ci/install-deps.sh check' >&2
	exit 1
}

"${as[@]}" env LC_ALL=C TZ=UTC "$bin/initdb" -D "$cluster/data" -U certpool --auth=trust --no-sync >"$cluster.log" 2>&1 || {
	cat "$cluster.log" >&2
	exit 1
}
server=
finish() {
	[ -z "$server" ] || {
		kill -QUIT "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	}
	rm -rf "$cluster" "$cluster.log"
}
trap finish EXIT
# Below those that the system gives to connections; one that is taken in between is tried again with the next.
port=$((20000 + $$ % 12000))
begin() {
	cat >"$cluster/data/postgresql.auto.conf" <<-END
		listen_addresses = '127.0.0.1'
		port = $port
		unix_socket_directories = '$cluster'
		fsync = ${CERTPOOL_TEST_FSYNC:-off}
		max_connections = 200
		shared_buffers = 64MB
	END
	"${as[@]}" "$bin/postgres" -D "$cluster/data" >"$cluster.log" 2>&1 &
	server=$!
	until "$bin/pg_isready" -q -h "$cluster" -p "$port"; do
		kill -0 "$server" 2>/dev/null || return
		sleep 0.05
	done
}
until begin; do
	grep -q 'Address already in use' "$cluster.log" || {
		cat "$cluster.log" >&2
		exit 1
	}
	port=$((port + 1))
done
export CERTPOOL_TEST_POSTGRESQL="host=$cluster&port=$port&user=certpool"
"$@"
