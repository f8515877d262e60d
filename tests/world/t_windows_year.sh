#!/usr/bin/env bash
# Two pools live 52 windows of a week: a timer keeps them, messages flow in each, also at its beginning and its end,
# and an openssl that knows nothing of windows says what signed.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

every=604800 overlap=3600
cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://127.0.0.1:0"}
clients:
  client1: {pool: {windows: {every: 7d, overlap: 1h, ahead: 3, members: 20}, subject: "CN=a unit", reuse: rotating-batch}}
  client2: {pool: {windows: {every: 7d, overlap: 1h, ahead: 3, members: 5}, subject: "CN=a unit", reuse: limited_time}}
  client3: {endpoint: "http://127.0.0.1:0"}
END
clocked clocked "$PWD/clock"
certpool=$PWD/clocked
first=$((($(date +%s) / every + 1) * every))
# after SECONDS: so long, and a minute, after that window's beginning.
after() { move_clock "$folder/clock" $((first + 60 + $1 - $(date +%s))); }
after 0
"$certpool" init -q >out
start_ca
start_receiver client3
moment() { LC_ALL=C date -u -d "@$1" '+%b %e %T %Y GMT'; }

# sends CLIENT COUNT WINDOW: that many messages, all by members of that window, says an openssl of their certificates.
sends() {
	"$certpool" send "$1" client3 --endpoint "$inbox" --json x --count "$2" >sent 2>err || return
	[ "$(wc -l <sent)" -eq "$2" ] || return
	jq -r .member sent | sort -u | sed "s|.*|$1/cert/cert_key&.crt|" | xargs cat >signers.pem
	openssl storeutl -noout -text -certs signers.pem | grep -oE 'Not (Before|After) *: .*' | sort -u >validity
	printf 'Not After : %s\nNot Before: %s\n' "$(moment $((first + ($3 + 1) * every + overlap)))" \
		"$(moment $((first + $3 * every)))" | diff - validity
}

for ((window = 0; window < 52; window++)); do
	after $((window * every))
	if [ $window -gt 0 ]; then
		check "window $window: members sign before the timer has run" sends client1 20 $window
		equal 'each of them once' 20 "$(jq -r .member sent | sort -u | wc -l)"
		check 'of the other client, too' sends client2 2 $window
	fi
	after $((window * every + 2 * overlap))
	for client in client1 client2; do
		check "window $window: keep $client" "$certpool" keep $client -q
	done
	check "window $window: members sign" sends client1 20 $window
	after $(((window + 1) * every - 660))
	check "window $window: until its end" sends client2 2 $window
done
equal 'the keys are those of the present window and of three ahead, and no number came back' \
	"$(seq -s' ' $((51 * 20 + 1)) $((55 * 20)))" \
	"$(find client1/Private -name 'private_key*.key' | sed 's/.*key\([0-9]*\)\.key/\1/' | sort -n | paste -sd' ')"
check 'check finds nothing in the CA' "$certpool" check
check 'nor in the pools' "$certpool" check client1
check 'prune' "$certpool" prune -q
check 'the CRL is made' "$certpool" crl -q
