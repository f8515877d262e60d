#!/usr/bin/env bash
# docs/a-year.md: every command is run on the host and at the day that the page has it, and must print what the page
# says, except for serials, times, ports and random choices.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
page=$(realpath "$(dirname "$0")/../../../docs/a-year.md")
. "$(dirname "$0")/../lib.sh"

ca_port=$(free_port 8440)

# certpool on the PATH, under the clock of the page.
mkdir bin ca client1 client2 client3 vault; echo "a passphrase for backups" >vault/pass; chmod 600 vault/pass
clocked bin/certpool "$folder/clock"
export PATH=$folder/bin:$PATH
day=0
serves() { curl -so /dev/null "http://$host:$ca_port/root.crt"; }
set_day() {
	day=$1
	move_clock "$folder/clock" "${day}d"
}

mask() {
	sed -E 's/[0-9a-f]{40}/SERIAL/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g
		s/[0-9]{4}-[0-9]{2}-[0-9]{2}/DAY/g; s/ [0-9]+[smhd]($| +!)/ AGE\1/
		s/127\.[0-9.]+:[0-9]+/ADDRESS:PORT/g
		s/(CRL|has) number [0-9]+/\1 number N/; s/, [0-9]+ octets/, N octets/; s/ends in [0-9]+ days/ends in N days/; s/first end in [0-9]+d/first end in Nd/
		s/root'"'"'s CRL [0-9]+/root'"'"'s CRL N/; s/[0-9]+ lines of the audit/N lines of the audit/; s/ +$//' "$@"
}

# run HOST COMMAND: in this shell, in the host's folder; with the ports of this test.
here() { sed "s/127.0.0.1:8440/$host:$ca_port/g"; }
serves_newest() { curl -s "http://$host:$ca_port/ca.crt" | cmp -s - ca/ca/cert/ca.2.crt; }
verified() { (cd "$1" && eval "$line") >printed 2>&1; }
took_over() { grep -q 'issues from now on' ca/serve.log; }
# That a client has asked at this day: serve records it once a second.
attested() { [ "$(ask_record ca/ca 'select attested_at from state')" -ge $(($(date +%s) + day * 86400 - 43200)) ]; }
run() {
	local status=0 line
	line=$(here <<<"$2")
	[[ $line != *'certpool prune' ]] || eventually attested || fail "$line" 'no request of a client attests the day'
	cd "$1" || exit 1
	if [[ $line == *' &' ]]; then
		eval "${line% &} &"
		cd ..
		eventually serves || fail "$line" "$(cat ca/serve.log)"
		: >printed
	else
		eval "$line" >../printed 2>&1 || status=$?
		cd ..
	fi
	# serve takes a second or two to see what is new: an issuer, a root, the day.
	case $line in
	*--finish) eventually serves_newest || fail "$line" 'serve goes on under the old root' ;;
	'certpool verify '*) eventually verified "$1" && status=0 ;;
	esac
	[ "$line" != 'certpool rotate ca' ] || eventually took_over || fail "$line" "$(cat ca/serve.log)"
	[ $status -eq 0 ] || echo "exit status $status" >>printed
}

command=
finish_command() {
	[ -n "$command" ] || return 0
	# A file that the page shows is made as it has it, with ports and addresses of this test.
	if [[ $command == 'cat '* && ! -e $at/${command#cat } ]]; then
		here <expected >"$at/${command#cat }"
	fi
	run "$at" "$command"
	equal "day $day, $at: $command" "$(mask expected)" "$(mask printed)"
	command=
}

while IFS= read -r line; do
	if [[ $line == '## Day '* ]]; then
		finish_command
		set_day "$(sed -E 's/^## Day ([0-9]+).*/\1/' <<<"$line")"
	elif [[ $line =~ ^\ \ \ \ (ca|client[0-9])\$\ (.*)$ ]]; then
		finish_command
		at=${BASH_REMATCH[1]}
		command=${BASH_REMATCH[2]}
		: >expected
	elif [[ $line == '    '* ]]; then
		printf '%s\n' "${line#    }" >>expected
	fi
done <"$page"
finish_command
