#!/usr/bin/env bash
# Runs programs of this folder beside tests/postgresql.sh, each with the URL of an empty database:
#
#   tests/postgresql.sh tests/race/on_postgresql.sh PROGRAM…
set -eu
for program; do
	name=${program##*/}
	psql -qAt "postgresql:///postgres?$CERTPOOL_TEST_POSTGRESQL" -c "create database $name"
	echo "$program, in PostgreSQL"
	"$program" "postgresql:///$name?$CERTPOOL_TEST_POSTGRESQL"
done
