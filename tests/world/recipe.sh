# shellcheck shell=bash
# Runs a page of docs/recipes as it is written: a block with a file's name after its language is written into that
# file; of a "console" block each line after "$ " is run, must succeed, and must print the lines under it, in which … is
# anything. A command that ends with "& # PORT" is a server that listens there, and one with "& # TEXT" prints that; one that ends with "# soon" may be
# repeated until it does. Every test has a loopback address of its own in place of the page's 127.0.0.1.
pages=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../docs/recipes")
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

# The page says certpool; PostgreSQL, mosquitto and others refuse to run as root, or leave it.
mkdir bin
ln -s "$certpool" bin/certpool
PATH=$PWD/bin:/usr/sbin:/sbin:$PATH
chmod 755 .

takes_connections() { (: <"/dev/tcp/$host/$1") 2>/dev/null; }

is_ready() { if [[ $1 =~ ^[0-9]+$ ]]; then takes_connections "$1"; else grep -qF "$1" server.log; fi; }
run_server() { # COMMAND PORT_OR_TEXT
	bash -c "exec $1" >>server.log 2>&1 &
	servers+=("$!")
	if eventually is_ready "$2"; then pass "$1"; else fail "$1" "not ready: $2" "$(tail -n 5 server.log)"; fi
}

# run_command COMMAND EXPECTED: the lines of its output must match those of EXPECTED, one by one.
run_command() {
	local command=$1 expected=$2 found=
	if [[ $command =~ ^(.*)\ '&'\ '#'\ (.+)$ ]]; then
		run_server "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
		return
	fi
	if if [[ $command == *'# soon' ]]; then eventually prints_expected; else prints_expected; fi; then
		pass "$command"
	else
		fail "$command" "expected: $expected" "found: $found" "$(tail -n 3 err)"
	fi
}
prints_expected() {
	# In this shell, which keeps the variables that it sets.
	eval "$command" >found 2>err || return
	found=$(<found)
	# shellcheck disable=SC2053 # The right side is a pattern.
	[[ $found == ${expected//…/*} ]]
}

run_recipe() { # NAME
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
	done <"$pages/$1.md"
}

# The text as a pattern: only … matches more than itself.
pattern_of() { printf '%s' "${1%$'\n'}" | sed 's/[][\\*?]/\\&/g'; }
