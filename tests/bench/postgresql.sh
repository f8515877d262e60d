# shellcheck shell=bash
# What the parts with the record in PostgreSQL share: a server of their own, beside which they run, and lib.sh. The
# server syncs, as SQLite does.
# shellcheck source-path=SCRIPTDIR source=lib.sh
if [ -z "${CERTPOOL_TEST_POSTGRESQL-}" ] && [ -d /usr/lib/postgresql ]; then
	CERTPOOL_TEST_FSYNC=on exec "$(dirname "$0")/../postgresql.sh" bash "$0"
fi
. "$(dirname "$0")/lib.sh"

[ -z "${CERTPOOL_TEST_POSTGRESQL-}" ] || IFS='&=' read -r _ socket _ server_port _ <<<"$CERTPOOL_TEST_POSTGRESQL"
sql() { psql -qAt -h "$socket" -p "$server_port" -U certpool -d "$1" -c "$2"; } # DATABASE SQL

# record_in SIDE: has the manifest of $folder say where the record is, and sets $record to that. Each CA in PostgreSQL
# has a database of its own, $database.
databases=0
record_in() {
	record=$folder/ca/state/ca.db
	[ "$1" != sqlite ] || return 0
	databases=$((databases + 1))
	database=bench$databases
	record="postgresql:///$database?$CERTPOOL_TEST_POSTGRESQL"
	sed -i "s|ca: {layout: ca,|& store: \"${record//&/\\&}\",|" "$folder/manifest.yaml"
	sql postgres "create database $database"
}
