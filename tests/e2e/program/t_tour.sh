#!/usr/bin/env bash
# docs/tour.md: every command is run as the page has it, and must print its output,
# except for serials, times, ports and random choices. TOUR_SIZE: the same with pools of another size.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
page=$(realpath "$(dirname "$0")/../../../docs/tour.md")
. "$(dirname "$0")/../lib.sh"

# The environment that the page assumes: certpool on the PATH.
mkdir bin tour
ln -s "$certpool" bin/certpool
export PATH=$folder/bin:$PATH
cd tour || exit 1

ca_port=$(free_port 8440)
client2_port=$(free_port $((ca_port + 1)))

mask() {
	sed -E 's/[0-9a-f]{40}/SERIAL/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g
		s/[0-9]{4}-[0-9]{2}-[0-9]{2}/DAY/g; s/ [0-9]+s( +!|$)/ AGE\1/; s/AGE +!/AGE !/
		s/127\.[0-9.]+:[0-9]+/ADDRESS:PORT/; s/member [0-9]+,/member N,/
		s/client1-[0-9]+/client1-N/g; s/ +[0-9]+\.[0-9]{3} s/ SECONDS/; s/[0-9]+ good/N good/; s/CRL number [0-9]+/CRL number N/; s/in [0-9]+ ms/in N ms/' "$@"
}

# The tour's lines that are indented as code.
awk '/^## /{tour = $0 == "## The tour"} tour && sub(/^    /, "")' "$page" >../tour.txt
: >../background
shown=0
size=${TOUR_SIZE:-20}

listens() { tail -n "+$((shown + 1))" ../background | grep listening >../check.log; }
# run COMMAND: runs it in this shell, so that its servers are stopped at the end, and writes the servers'
# new output, then the command's, to ../printed.
run() {
	if [[ $1 == *' &' ]]; then
		eval "${1% &} >>../background 2>&1 &"
		eventually listens
		: >../foreground
	else
		eval "$1" >../foreground 2>&1 || fail "$1" "exit status $?" "$(cat ../foreground)"
	fi
	tail -n "+$((shown + 1))" ../background | cat - ../foreground >../printed
	shown=$(wc -l <../background)
}

# The page's figures, for the size of the pools. The number of exchanges, which serve logs, is another one.
scale() {
	if [ -f ../moved ]; then sed -E "$([ "$size" = 20 ] || echo '/^certpool serve: TIME POST /d;') s/\b20\b/$size/g; s/\b200\b/${size}0/g; s/ +([0-9]+\/[0-9]+) / \1 /"; else cat; fi
}

command=
finish_command() {
	[ -n "$command" ] || return 0
	run "$command"
	# Two copies of this test, or a user's own CA, must not share the page's ports.
	[ -f ../moved ] || { touch ../moved && sed -i "s/127.0.0.1:8440/$host:$ca_port/; s/127.0.0.1:8442/$host:$client2_port/; s/size: 20/size: $size/" manifest.yaml; }
	equal "$command" "$(mask ../expected | scale)" "$(mask ../printed | scale)"
}

while IFS= read -r line; do
	if [[ $line == '$ '* ]]; then
		finish_command
		command=${line#'$ '}
		: >../expected
	else
		printf '%s\n' "$line" >>../expected
	fi
done <../tour.txt
finish_command
[ -n "$command" ] || fail 'the page has a tour'
