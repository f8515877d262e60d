#!/usr/bin/env bash
# Two pools live 52 windows of a week: a timer keeps them, messages flow in each, also at its beginning and its end,
# and an openssl that knows nothing of windows says what signed. The timer is packaging/certpool-keep@.timer: no systemd
# runs it, but this script, at the times that OnCalendar and RandomizedDelaySec say, of the clock that it moves.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
timer=$(realpath "$(dirname "$0")/../../packaging/certpool-keep@.timer")
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

# What the timer says; and what systemd makes of it, where there is one.
six_hours=21600 delay=3600
check 'the timer has every six hours' grep -qxF 'OnCalendar=*-*-* 00/6:00' "$timer"
check 'and up to an hour more' grep -qxF 'RandomizedDelaySec=1h' "$timer"
if [ -x /usr/bin/systemd-analyze ]; then
	TZ=UTC systemd-analyze calendar --base-time="$(date -u -d "@$((first - 1))" '+%F %T UTC')" --iterations=28 \
		"$(sed -n 's/^OnCalendar=//p' "$timer")" 2>err | sed -nE 's/.*(Next elapse|Iter\. #[0-9]+): (.* UTC)/\2/p' |
		while read -r elapse; do date -d "$elapse" +%s; done | sort -nu >elapses
	equal 'so says systemd of a window' "$(seq $first $six_hours $((first + every - 1)) | paste -sd' ')" "$(paste -sd' ' elapses)"
fi

# tick SECONDS: the timer's elapse at that time after the first window's beginning; each client has a delay of its own,
# and the shorter one comes first.
runs=0 failed=0 enrolled=0 retired=0
tick() {
	local late client made gone
	while read -r late client; do
		after $(($1 + 60 + late))
		"$certpool" keep "$client" --json >kept 2>>keep.err || failed=$((failed + 1))
		runs=$((runs + 1))
		read -r made gone < <(jq -r '"\(.enrolled) \(.retired)"' kept)
		enrolled=$((enrolled + made)) retired=$((retired + gone))
	done < <(for client in client1 client2; do echo $((RANDOM % (delay - 120))) $client; done | sort -n)
}

messages=0
for ((window = 0; window < 52; window++)); do
	begin=$((window * every))
	after $begin
	if [ $window -gt 0 ]; then
		check "window $window: members sign before the timer has run" sends client1 20 $window
		equal 'each of them once' 20 "$(jq -r .member sent | sort -u | wc -l)"
		check 'of the other client, too' sends client2 2 $window
		messages=$((messages + 22))
	fi
	for ((elapse = 0; elapse < every; elapse += six_hours)); do tick $((begin + elapse)); done
	after $((begin + every - 660))
	check "window $window: members sign until its end" sends client1 20 $window
	check "window $window: of the other client, too" sends client2 2 $window
	messages=$((messages + 22))
done
equal "$runs runs of the timer ended well" 0 $failed
check 'none with a complaint' test ! -s keep.err
equal 'they made the members of the windows, and destroyed the keys of those that were over' \
	"$((55 * 25)) $((51 * 25))" "$enrolled $retired"
echo "# $enrolled members in 55 windows of two pools, $retired keys destroyed, $messages messages, $runs runs of keep, $failed failed"
equal 'the keys are those of the present window and of three ahead, and no number came back' \
	"$(seq -s' ' $((51 * 20 + 1)) $((55 * 20)))" \
	"$(find client1/Private -name 'private_key*.key' | sed 's/.*key\([0-9]*\)\.key/\1/' | sort -n | paste -sd' ')"
check 'check finds nothing in the CA' "$certpool" check
check 'nor in the pools' "$certpool" check client1
check 'prune' "$certpool" prune -q
check 'the CRL is made' "$certpool" crl -q
