#!/usr/bin/env bash
# Verbs, options, environment, help, and the output on each stream.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

expect 2 'no verb' "$certpool"
says 'no verb: says what to do' 'certpool help'
expect 2 'an unknown verb' "$certpool" frobnicate
says 'an unknown verb is named' 'frobnicate'
for word in help --help -h; do
	expect 0 "certpool $word" "$certpool" "$word"
	prints "certpool $word lists the verbs" '^  enroll +CLIENT'
done
expect 0 'certpool --version' "$certpool" --version
prints 'certpool --version' '^certpool [0-9]+\.[0-9]+\.[0-9]+$'
expect 2 'help for an unknown verb' "$certpool" help frobnicate
verbs=$("$certpool" help | sed -nE 's/^  ([a-z][a-z-]*) +.*/\1/p')
for verb in $verbs; do
	expect 0 "certpool help $verb" "$certpool" help "$verb"
	prints "certpool help $verb shows the usage" "^Usage: certpool $verb"
	equal "certpool help $verb: what is said of each option begins in one column" '' \
		"$(grep -E '^.{6}--' out | grep -vE '^.{26} [^ ]|^.{6}--[a-z-]+ [A-Z]+$')"
	cp out help
	expect 0 "certpool $verb --help" "$certpool" "$verb" --help
	check "certpool $verb --help is the same" cmp help out
done
check 'verbs are found' test "$(wc -w <<<"$verbs")" -ge 27

# What cannot be taken back is not chosen by the environment, and has no variable (tests/unit/tools).
for verb in revoke prune client restore; do
	expect 0 "certpool help $verb" "$certpool" help "$verb"
	equal "$verb has the common variables alone" 'CERTPOOL_JSON CERTPOOL_MANIFEST CERTPOOL_QUIET' "$(grep -oE 'CERTPOOL_[A-Z_]+' out | sort | xargs)"
done
expect 0 'certpool help send' "$certpool" help send
prints 'shows a variable' '--count N .*\[CERTPOOL_COUNT\]$'

manifest 2 2 >manifest.yaml
expect 2 'an unknown option' "$certpool" status --frobnicate
says 'an unknown option is named' '--frobnicate'
expect 2 'an unknown letter' "$certpool" status -x
expect 2 'an option without its value' "$certpool" status --manifest
expect 2 'a switch with a value' "$certpool" status --json=1
expect 2 'an operand too many' "$certpool" status extra
expect 2 'an operand too few' "$certpool" send client1
says 'an operand too few: says what is expected' 'FROM TO'
for count in 0 -1 1x 99999999999999999999 '' ' 1'; do
	expect 2 "--count=$count" "$certpool" send client1 client2 x "--count=$count"
	says "--count=$count: says what is expected" '--count: expected'
done
for endpoint in x ftp://127.0.0.1:1 http://127.0.0.1 http://127.0.0.1:99999 http://a:1/x http://u@a:1; do
	expect 2 "--ca $endpoint" "$certpool" enroll client1 --ca "$endpoint"
done
expect 4 'an option that may be repeated' "$certpool" verify --trusted x --crl a --crl=b x
expect 2 'more often than that' "$certpool" verify --trusted x x --crl 1 --crl 2 --crl 3 --crl 4 --crl 5 --crl 6 --crl 7 --crl 8 --crl 9
says 'more often than that: says how often' '--crl: expected at most 8 times, found more'
expect 2 '--at yesterday' "$certpool" verify --trusted x --at yesterday x

# Flag, environment, default.
expect 0 'the environment names the manifest' env CERTPOOL_MANIFEST="$PWD/manifest.yaml" sh -c "cd / && '$certpool' init"
expect 0 'a flag beats the environment' env CERTPOOL_MANIFEST=/nowhere "$certpool" init -m manifest.yaml
expect 0 'the letter with its value attached' "$certpool" init -mmanifest.yaml
expect 0 'letters together' "$certpool" init -qm manifest.yaml
expect 4 'the environment beats the default' env CERTPOOL_MANIFEST=/nowhere "$certpool" init
expect 0 'an empty variable is not set' env CERTPOOL_MANIFEST= "$certpool" init
expect 2 'a wrong value in the environment' env CERTPOOL_COUNT=x "$certpool" send client1 client2 x
says 'a wrong value in the environment: names the variable' 'CERTPOOL_COUNT'
expect 0 'a switch in the environment' env CERTPOOL_JSON=1 "$certpool" status
check 'a switch in the environment counts' jq -e .node out
expect 0 'a switch put off' env CERTPOOL_JSON=0 "$certpool" status
check_not 'a switch put off counts' jq -e .node out
expect 2 'a switch that is neither' env CERTPOOL_JSON=maybe "$certpool" status
expect 0 'what is not an option in the environment is left alone' env CERTPOOL_VERSION=9 CERTPOOL_HELP=yes "$certpool" status
prints 'and status is what it does' '^client1 '

# Colour and progress are for terminals, and never go into files.
"$certpool" request client1 >out 2>err
equal 'no progress without a terminal' '' "$(cat err)"
on_terminal() { script -qec "$*" /dev/null </dev/null; }
if command -v script >/dev/null; then
	TERM=xterm on_terminal "'$certpool' request client2" >terminal
	check 'progress on a terminal' grep -q '#####' terminal
	made_unseen() { [ "$(count_files client2/CSR_file 'csr_key*.csr')" = 2 ] && ! grep -q '#####' terminal; }
	rm -r client2 && "$certpool" init -q >out
	TERM=xterm NO_COLOR=1 on_terminal "'$certpool' request client2" >terminal
	check 'none with NO_COLOR' made_unseen
	rm -r client2 && "$certpool" init -q >out
	TERM=xterm on_terminal "'$certpool' request client2 -q" >terminal
	check 'none with --quiet' made_unseen
else
	skip 'progress on a terminal' 'no script(1)'
fi

# catalogue 82: standard output that cannot be written
for verb in status 'status --json' help 'help send' --version; do
	# shellcheck disable=SC2086
	expect 1 "certpool $verb >/dev/full" sh -c "'$certpool' $verb >/dev/full"
	says "certpool $verb >/dev/full: says why" 'standard output: cannot be written'
done
expect 1 'standard output closed' sh -c "'$certpool' status >&-"
expect 0 'all three closed, nothing to print' sh -c "'$certpool' init <&- >&- 2>&-"
rm -r client1
expect 1 'all three closed, something to print' sh -c "'$certpool' init <&- >&- 2>&-"
check 'what was made is whole' test -d client1/Private
check 'nothing was written where it does not belong' test -z "$(find . -name '*.jwk' -size -50c)"

# catalogue 81: a pipe without a reader is a failed write, not a signal, and nothing to talk about
mkfifo pipe
exec 3<>pipe
exec 4>pipe 3<&-
for verb in status 'status --json' help 'help send' --version; do
	# shellcheck disable=SC2086
	expect 1 "certpool $verb into a broken pipe" sh -c "'$certpool' $verb >&4"
	equal "certpool $verb into a broken pipe says nothing" '' "$(cat err)"
done
exec 4>&-
