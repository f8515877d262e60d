# shellcheck shell=bash
# Runs a page of the documents as it is written: a block with a file's name after its language is written into that
# file; of a "console" block each line after "$ " is run, must succeed, and must print the lines under it, in which … is
# anything. A command that fails prints its error, too, and then "exit status N". A server is a command that ends with
# "& # PORT", and listens there; with "& # TEXT", and prints that; or with "&", and prints the lines under it. A command
# that ends with "# soon" may be repeated until it prints them.
# Every test has a loopback address of its own in place of the page's 127.0.0.1.
sources=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The page says certpool; PostgreSQL, mosquitto and others refuse to run as root, or leave it.
mkdir bin
ln -s "$certpool" bin/certpool
PATH=$PWD/bin:/usr/sbin:/sbin:$PATH
chmod 755 .

# with_postgresql PROGRAM…: these of PostgreSQL, for the page; root, as which its servers do not run, is nobody for them.
with_postgresql() {
	local programs program
	programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
	for program; do
		if [ "$(id -u)" = 0 ] && [ "$program" != psql ]; then
			printf '#!/bin/sh\nexec setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/ %s "$@"\n' "$programs/$program" >"bin/$program"
			chmod 755 "bin/$program"
			chmod 777 .
		else
			ln -s "$programs/$program" "bin/$program"
		fi
	done
}

takes_connections() { (: <"/dev/tcp/$host/$1") 2>/dev/null; }

is_ready() { if [[ $1 =~ ^[0-9]+$ ]]; then takes_connections "$1"; else matches "$(<"$log")" "*$1*"; fi; }
run_server() { # COMMAND PORT_OR_PATTERN
	local log
	log=$(mktemp "$folder/server.XXXXXX")
	bash -c "exec $1" >"$log" 2>&1 &
	if eventually is_ready "$2"; then pass "$1"; else fail "$1" "not ready: $2" "$(tail -n 5 "$log")"; fi
}

# shellcheck disable=SC2053 # The right side is a pattern.
matches() { [[ $1 == $2 ]]; }
# The text as a pattern: only … matches more than itself.
pattern_of() { printf '%s' "${1%$'\n'}" | sed 's/[][\\*?]/\\&/g; s/…/*/g'; }

# run_command COMMAND EXPECTED: its output must match the pattern.
run_command() {
	local command=$1 expected=$2 found=
	if [[ $command =~ ^(.*)\ '&'\ '#'\ (.+)$ ]]; then
		run_server "${BASH_REMATCH[1]}" "$(pattern_of "${BASH_REMATCH[2]}")"
	elif [[ $command == *' &' ]]; then
		run_server "${command% &}" "$expected"
	elif if [[ $command == *'# soon' ]]; then eventually prints_expected; else prints_expected; fi; then
		pass "$command"
	else
		fail "$command" "expected: $expected" "found: $found" "$(tail -n 3 "$folder/err")"
	fi
	# The manifest that certpool writes has the page's address.
	[ "$command" != 'certpool new' ] || sed -i "s/127\.0\.0\.1/$host/" manifest.yaml
}
prints_expected() {
	local status=0
	# In this shell, which keeps the variables that it sets and the folder into which it goes.
	eval "$command" >"$folder/found" 2>"$folder/err" || status=$?
	found=$(<"$folder/found")
	[ $status -eq 0 ] || found=$(cat "$folder/found" "$folder/err" && echo "exit status $status")
	matches "$found" "$expected"
}

run_page() { # FILE, of the sources
	local line block='' name='' command='' expected=''
	while IFS= read -r line; do
		line=${line//127.0.0.1/$host}
		if [[ $line == '```'* ]]; then
			[ -z "$command" ] || run_command "$command" "$(pattern_of "$expected")"
			command='' expected=''
			read -r block name <<<"${line#'```'}"
			[ -z "$name" ] || : >"$name"
		elif [ -n "$name" ]; then
			printf '%s\n' "$line" >>"$name"
		elif [ "$block" = console ] && [[ $line == '$ '* ]]; then
			[ -z "$command" ] || run_command "$command" "$(pattern_of "$expected")"
			command=${line#'$ '} expected=''
		elif [ "$block" = console ] && [[ $command == *\\ ]]; then
			command=${command%\\}${line#'  '}
		elif [ "$block" = console ]; then
			expected+=$line$'\n'
		fi
	done <"$sources/$1"
}
