#!/usr/bin/env bash
# Messages in pipelines: send --lines, receive --exec, and what receive --json says of each.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 3 1 '  client3: {pool: {size: 2, reuse: once_only}, message_limit: 1000}' >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client2 client3; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
send() { "$certpool" send client1 client2 --endpoint "$inbox" "$@"; }

# A message a line, in order, octet for octet, the last one without its line end.
start_receiver client2
{ seq 1 100 && printf '\n tab\there \0\377\r\nlast'; } >lines
expect 0 '103 lines' send --lines --file lines --json
equal 'each is answered' '103 verified' "$(jq -r .verdict out | sort | uniq -c | xargs)"
{ cat lines && echo; } >expected
check 'and arrives in order' cmp receive.out expected
expect 0 'no line is no message' send --lines --file /dev/null
equal 'and nothing is printed' '' "$(cat out err)"
# The first line is there before the second one is written.
mkfifo pipe
send --lines <pipe >slowly 2>&1 &
sender=$!
exec 8>pipe
echo slow >&8
arrived() { [ "$(tail -n 1 receive.out)" = "$1" ]; }
check 'a line is sent as soon as it is there' eventually arrived slow
echo slower >&8
exec 8>&-
check 'the end of the input is the end' wait "$sender"
check 'after the second line' arrived slower
equal 'and each verdict was printed' 2 "$(grep -c '^verified: signed by member' slowly)"
for option in '--count 2' '--output x' '--deliver x' 'text'; do
	# shellcheck disable=SC2086
	expect 2 "--lines with $option" send --lines $option
done
expect 4 'lines of a file that is not there' send --lines --file nowhere
{ echo short && head -c 1001 /dev/zero | tr '\0' x; } >long
expect 1 'a line over the limit' "$certpool" send client3 client2 --endpoint "$inbox" --lines --file long
says 'is named' 'line 2: expected at most 1000 octets'
# client3 has one member left, which may sign once.
expect 5 'more lines than members that may sign' "$certpool" send client3 client2 --endpoint "$inbox" --lines --file lines
says 'the line that was not sent is named' 'line 2: '
stop "$receiver"
expect 7 'lines to nobody' send --lines --file lines
says 'the first one is named' 'line 1: '

# What is known of a message.
start_receiver client2 --json
send --output again.jwe twice
expect 0 'a message' send --deliver again.jwe
expect 3 'and again' send --deliver again.jwe
stop "$receiver"
jq -c 'select(.verdict == "verified")' receive.out >verified
equal '--json says from whom and to whom' 'client1 client2' "$(jq -r '"\(.from) \(.to)"' verified)"
check 'which certificate, in which file' openssl verify -CAfile client2/cert/root.crt "$(jq -r .certificate verified)"
equal 'and which member, if its subject says so' "$(jq -r .subject verified)" "CN=client1-$(jq -r .member verified)"
equal 'a refused message has no file' null "$(jq -r 'select(.verdict == "refused") | .certificate' receive.out)"

# A program takes each message. A sender's text is never a command, an argument or a variable's name. What is not refused
# would receive until somebody stops it.
expect 4 'a program that is not there' timeout 300 "$certpool" receive client2 --listen "http://$host:0" --exec nowhere
says 'says what is run' 'without a shell and without arguments'
expect 4 'a program with arguments' timeout 300 "$certpool" receive client2 --listen "http://$host:0" --exec "sh -c true"
expect 4 'a directory' timeout 300 "$certpool" receive client2 --listen "http://$host:0" --exec /tmp
expect 2 'a time for no program' timeout 300 "$certpool" receive client2 --exec-timeout 5s
says 'is refused' '--exec-timeout: expected --exec beside it, found none'
cat >handler <<'END'
#!/bin/sh
# Notes what it got: arguments, variables, descriptors, M.
cat >m && {
	echo "$# $MESSAGE_VERDICT $MESSAGE_FROM $MESSAGE_TO $MESSAGE_SUBJECT $MESSAGE_MEMBER $MESSAGE_OTHER."
	echo "$MESSAGE_REASON"
	ls /proc/self/fd
	openssl verify -CAfile client2/cert/root.crt "$MESSAGE_CERTIFICATE"
	case $MESSAGE_TIME in 20??-*Z) echo time ;; esac
	echo "${#MESSAGE_JTI} ${#MESSAGE_SERIAL}"
} >handled 2>&1
cat m >>all
case $(tr -d '\0' <m) in fail) exit 3 ;; die) kill -9 $$ ;; esac
echo "handled $MESSAGE_VERDICT"
END
chmod +x handler
export MESSAGE_OTHER=inherited
CERTPOOL_EXEC=/bin/false start_receiver client2 --exec ./handler --exec-timeout 10m
cat >evil <<'END'
$(touch pwned)`touch pwned`; touch pwned
END
printf '\0"%%s' >>evil
expect 0 'a message of a shell'\''s dreams' send --member 2 --file evil
check 'is the standard input' cmp m evil
check 'and nothing else' test ! -e pwned
equal 'no argument; the verdict and who' '0 verified client1 client2 CN=client1-2 2 .' "$(sed -n 1p handled)"
equal 'no descriptor but the three, and that of ls' '0 1 2 3' "$(grep -xE '[0-9]+' handled | xargs)"
check 'the certificate is there already' grep -q '\.crt: OK$' handled
check 'the time too' grep -qx time handled
equal 'jti and serial' '22 40' "$(tail -n 1 handled)"
equal 'its standard output is that of receive, which prints no M' 'handled verified' "$(cat receive.out)"
expect 3 'a replay' send --deliver again.jwe
equal 'has its verdict' '0 refused client1 client2' "$(sed -n 1p handled | cut -d' ' -f1-4)"
check 'its reason' grep -q 'taken before' handled
equal 'and nothing of M' 0 "$(stat -c %s m)"
# A program that fails has not taken the message: it can come again.
for word in fail die; do
	send --output "$word.jwe" "$word"
	expect 3 "$word: the sender is told" send --deliver "$word.jwe"
	says "$word: to send it again" 'send it again'
done
check 'the log has why' grep -q 'handler: expected exit status 0, found 3' receive.err
check 'for each' grep -q 'handler: killed by signal 9' receive.err
sed -i 's/^case.*fail.*//' handler
expect 0 'repaired, it takes the same message' send --deliver fail.jwe
expect 3 'once' send --deliver fail.jwe
stop "$receiver"
equal 'SIGTERM ends receive with exit status 0' 0 "$stopped"

# 1,000 messages, one after the other.
printf '#!/bin/sh\ncat >>all && echo >>all\n' >handler
rm -f all
start_receiver client2 --exec ./handler --exec-timeout 10m --json --count 1000
seq 1 1000 >lines
expect 0 '1,000 messages to a program' send --lines --file lines
wait "$receiver"
equal '--count stops after them' 0 $?
check 'it got each once, in order' cmp all lines
equal '--json has each' 1000 "$(jq -r .verdict receive.out | grep -c verified)"

# A program that hangs is killed, with its children, and the receiver goes on.
printf '#!/bin/sh\nsleep 1000 &\necho $! >child\nwait\n' >hanging
chmod +x hanging
start_receiver client2 --exec ./hanging --exec-timeout 1s
expect 3 'a program that hangs: the sender is told' send x
says 'to send it again' 'send it again'
gone() { ! grep -qs '^State:[[:space:]]*[^Z]' "/proc/$(cat child)/status"; }
check 'its children are gone' eventually gone
check 'the log says why' grep -q 'hanging: expected its end within 1 s, and killed it: --exec-timeout' receive.err
expect 3 'the receiver goes on' send x
stop "$receiver"
equal 'and stops' 0 "$stopped"

# Nor can a program escape that by leaving its process group for that of the receiver.
cat >leaving <<'END'
#!/usr/bin/env perl
setpgrp(0, getpgrp(getppid())) or die "setpgrp: $!";
exec 'sleep', '1000';
END
chmod +x leaving
start_receiver client2 --exec ./leaving --exec-timeout 1s
expect 3 'a program that leaves its process group' send x
check 'is killed' grep -q 'leaving: expected its end within 1 s, and killed it' receive.err
stop "$receiver"

# SIGTERM lets the program end that runs, and starts no further one.
printf '#!/bin/sh\necho >>started\nuntil [ -e gate ]; do sleep 0.1; done\n' >waiting
chmod +x waiting
start_receiver client2 --exec ./waiting --exec-timeout 10m
send x --count 4 --json >counted 2>&1 &
sender=$!
check 'a program runs' eventually test -e started
kill "$receiver"
takes_none() { ! (: <"/dev/tcp/$host/${inbox##*:}") 2>/dev/null; }
check 'the receiver begins to stop' eventually takes_none
touch gate
check_not 'not all messages are taken' wait "$sender"
equal 'the one whose program ran is' 1 "$(grep -c '"verdict":"verified"' counted)"
check 'the receiver ends' wait "$receiver"
equal 'and has started no further program' 1 "$(wc -l <started)"
