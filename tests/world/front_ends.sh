# shellcheck shell=bash disable=SC2034
# Two front ends of one CA, for the tests that source this file. A test has its own database (../e2e/lib.sh), in a
# server of PostgreSQL that tests/postgresql.sh starts for it.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
[ -n "${CERTPOOL_TEST_POSTGRESQL-}" ] || exec "$(dirname "$0")/../postgresql.sh" bash "$0"
world=$(realpath "$(dirname "$0")")
. "$world/../e2e/lib.sh"

# The first front end is of the test's folder, the second one of second/.
at2() { (cd second && "$@"); }

# join_second: makes the CA of manifest.yaml, and its second front end.
join_second() {
	"$certpool" init -q >out
	(umask 077 && echo 'a passphrase of the packet' >packet.phrase)
	"$certpool" front-end add ca2 -o ca2.tar --passphrase-file packet.phrase -q >out
	mkdir second
	expect 0 'a second front end joins' at2 "$certpool" front-end join ../ca2.tar --passphrase-file ../packet.phrase
}

# start_first, start_second [OPTION…]: at any free port, or as --listen says; set $first and $second to their URLs,
# $first_server and $second_server to their processes.
start_first() {
	start first serve --listen "${scheme:-http}://$host:0" "$@"
	first=$endpoint
	first_server=$server
}
start_second() {
	cd second || exit 1
	start ../second serve --listen "${scheme:-http}://$host:0" "$@"
	cd "$folder" || exit 1
	second=$endpoint
	second_server=$server
}
both_serve() { [ "$("$certpool" front-end list --json | jq -r 'select(.state == "serves") | .front_end' | xargs)" = 'ca1 ca2' ]; }

# start_switch KIND ADDRESS: a proxy before both, on that address; sets $switch to where it listens.
start_switch() {
	rm -f switch.ready
	mkfifo switch.ready
	python3 "$world/switch.py" "$1" "$2" "${first#*://}" "${second#*://}" >switch.ready 2>switch.err &
	local port=
	read -r -t 300 port <switch.ready || fail 'the proxy starts' "$(cat switch.err)"
	switch=${2%:*}:$port
}
# certified CLIENT…: how many certificates they have in the record.
certified() { ask_record ca "select count(*) from certificate where client in ($(printf "'%s'," "$@")'')"; }
