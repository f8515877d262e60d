#!/usr/bin/env bash
# certpool bench: it measures real work, and leaves no files.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

left_behind() { find "${1:-.}" -maxdepth 1 -name 'certpool-bench.*'; }

expect 0 'certpool bench measures' "$certpool" bench --duration 1s --size 5000
prints 'keys and requests' '^keys and requests made +[0-9]+ in +[0-9.]+ s +[0-9.]+ a second$'
prints 'certificates' '^members certified +[1-9][0-9]* in +[0-9.]+ s +[0-9.]+ a second$'
prints 'messages' '^messages sent and verified +[1-9][0-9]* in +[0-9.]+ s +[0-9.]+ a second$'
prints 'status questions' '^status questions answered +[1-9][0-9]* in +[0-9.]+ s +[0-9.]+ a second$'
prints 'what a pool would take' '^A pool of 5000, keys of ecdsa-p256, would take [0-9.]+ (seconds|minutes|hours)\.$'
says 'it says where' 'measures in \./certpool-bench\.[^,]+, which is removed at the end'
equal 'nothing stays' '' "$(left_behind)"

mkdir elsewhere
expect 0 'in another directory, with other keys, as JSON' \
	"$certpool" bench --duration 1s --key ed25519 --in elsewhere --quiet --json
equal 'nothing stays there either' '' "$(left_behind elsewhere)"
equal 'what it measured' 'ed25519 10000' "$(jq -r '"\(.key) \(.pool_size)"' out)"
equal 'rates are counts by seconds' true \
	"$(jq '.certificates > 0 and .messages > 0 and .status_questions > 0 and
		(.certificates_per_second - 0.001) * .certificates_seconds <= .certificates and
		(.certificates_per_second + 0.001) * (.certificates_seconds + 0.001) >= .certificates' out)"
equal 'with decimals, which slow keys need' 3 \
	"$(grep -o '"requests_per_second":[0-9]*\.[0-9]*' out | sed 's/.*\.//' | tr -d '\n' | wc -c)"
equal 'and the pool takes what its members take' true \
	"$(jq '(.pool_seconds - .pool_size * (1 / .requests_per_second + 1 / .certificates_per_second) | fabs) <
		.pool_seconds / 20' out)"
silent_error() { if [ ! -s err ]; then pass "$1"; else fail "$1" "$(cat err)"; fi; }
silent_error 'nothing on standard error with --quiet'

expect 2 'a key type that there is not' "$certpool" bench --key dsa
says 'names those that there are' 'expected ecdsa-p256'
expect 4 'a directory that there is not' "$certpool" bench --in missing
says 'is named' 'missing: no directory can be made in it'
if [ "$(id -u)" -ne 0 ]; then
	mkdir closed
	chmod 0500 closed
	expect 1 'a directory that cannot be written to' "$certpool" bench --in closed
fi

certifies() { [ -n "$(find . -path './certpool-bench.*/client1/cert/cert_key1.crt' 2>/dev/null)" ]; }
# Stopped in the middle: by a supervisor, and, with the minus sign, by the terminal, which signals all
# processes of the group.
for told in INT -INT TERM -HUP; do
	signal=${told#-}
	setsid "$certpool" bench --duration 60s >out 2>err &
	bench=$!
	check "SIG$told comes while it works" eventually certifies
	kill -"$signal" -- "${told%"$signal"}$bench"
	status=0
	wait "$bench" || status=$?
	check "SIG$told ends it" [ "$status" -gt 128 ]
	equal "and nothing stays after SIG$told" '' "$(left_behind)"
	silent "and it prints no figures after SIG$told"
done
