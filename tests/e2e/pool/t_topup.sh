#!/usr/bin/env bash
# reuse: once_only: members that are used up, on_empty, and keep, which fills the pool up.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# manifest_of POOL: client1's pool.
manifest_of() {
	cat <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0"$store}
		clients:
		  client1: {pool: {$1}, policy: {certificates: 1000}}
		  client2: {pool: {size: 1}, endpoint: "http://127.0.0.1:0"}
	END
}
send() { "$certpool" send client1 client2 --endpoint "$inbox" --json "$@"; }
signers() { jq -r .member "$@" | sort -n | paste -sd' '; }
# Numbers of the members that have a file in a folder of client1.
members() { find "client1/$1" -name '*key[0-9]*' | sed 's/.*key\([0-9]*\)\..*/\1/' | sort -n | paste -sd' '; }
marked() { awk -v mark="$1" '$1 == mark { for (i = $2; i <= $3; i++) print i }' client1/state/pool | paste -sd' '; }
of_status() { "$certpool" status --json | jq -c "select(.node == \"client1\") | $1"; }

manifest_of 'size: 5, reuse: once_only, hold: 1' >manifest.yaml
expect 2 'a hold beside once_only' "$certpool" status
says 'is refused' '4:47: clients\.client1\.pool\.hold: expected no hold with reuse: once_only'
manifest_of 'size: 5, reuse: once_only, topup: {unused: 5}' >manifest.yaml
expect 2 'a fill-up that would never end' "$certpool" status
says 'is refused' "expected fewer than the pool's size of 5, found 5"
manifest_of 'size: 5, reuse: once_only, topup: {used: 2}' >manifest.yaml
expect 2 'an unknown key' "$certpool" status
says 'is refused by name' 'topup\.used: expected one of the keys unused, lifetime_left'
manifest_of 'size: 5, reuse: once_only' >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
start_receiver client2

for i in 1 2 3; do send "$i" >"out$i"; done
equal 'three processes: three members' 3 "$(jq -r .member out1 out2 out3 | sort -u | wc -l)"
cp -a client1 backup
used=$(jq -r .member out1)
expect 6 'a member that has signed' send x --member "$used"
says 'does not sign again' "member $used of client1: it has signed before"
expect 0 'status' "$certpool" status
prints 'says what is left' '^  reuse once_only, in use 0, unused 2, set aside 3, ending 0$'
expect 0 'enroll leaves used members alone' "$certpool" enroll client1 --json
equal 'and asks for nothing' '0 2 0' "$(jq -r '"\(.saved) \(.present) \(.refused)"' out)"
expect 0 'status' "$certpool" status
prints 'and when it is filled up' '^  filled up when 2 are unused, or 33 % of a certificate.s life is left, next at .*; at the present rate it lasts until '
# At a clock that says when the first signed: 3 of 5 in an hour, 2 are left.
begun=$(awk '$1 == "since" { print $2 }' client1/state/pool)
at() { TZ=UTC date -d "@$(($1))" +%Y-%m-%dT%H:%M:%SZ; }
clocked at_clock "$PWD/clock"
move_clock clock $((begun + 3600 - $(date +%s)))
equal 'an hour after the first: the pool lasts as long as its rate says' true \
	"$(./at_clock status --json | jq --arg from "$(at "begun + 5990")" --arg to "$(at "begun + 7000")" 'select(.node == "client1") | .lasts_until >= $from and .lasts_until <= $to')"
expect 5 'more messages than members: part is sent' send x --count 4
says 'and what to do is said' 'after 2 of 4 messages: .*no member of the pool of client1 is unused .*: 5 are set aside, .*run certpool keep client1'
cp out later
equal 'each member signed once' '1 2 3 4 5' "$(signers out1 out2 out3 later)"
expect 4 'an empty pool' send x
expect 4 'enroll' "$certpool" enroll client1
says 'advises what fills it up, which is below' 'client1: all members of the pool of client1 are set aside: run certpool keep client1, which fills the pool up'

expect 0 'request leaves used members alone' "$certpool" request client1 --json
equal 'and makes nothing' 0 "$(jq .keys out)"
expect 0 'repair does' "$certpool" repair client1
prints 'and has nothing to announce' '^client1: nothing is due; no renewal is due later$'
expect 1 'renew does' "$certpool" needs-renewal client1 --within 1y
equal 'the keys are still there' '1 2 3 4 5' "$(members Private)"

# A CA that is away: the fill-up fails, backs off, and never locks out.
expect 7 'keep without a CA' "$certpool" keep client1 --ca http://127.0.0.1:1
equal 'after one failure the next is at once' null "$(of_status .fill_up_retry)"
# So often that it waits for a quarter of an hour, which no busy machine takes between two commands.
for try in 2 3 4 5 6; do expect 7 "which fails again, $try" "$certpool" keep client1 --now --ca http://127.0.0.1:1; done
expect 7 'at once again' "$certpool" keep client1
says 'it waits' 'failed 6 times, and is tried again at .* or with --now: .*127\.0\.0\.1:1'
equal 'status says from when on' true "$(of_status '.next_fill_up == .fill_up_retry and .fill_up_retry != null')"
equal 'the reason is kept' true "$(of_status '.fill_up_failure | contains("127.0.0.1:1")')"
under_clock +15m "$certpool" keep client1 --ca http://127.0.0.1:1 >out 2>err
check 'later it tries again' grep -q '^failed [0-9]* 7 ' client1/state/pool
expect 0 'with --now it does not wait' "$certpool" keep client1 --now
prints 'and fills the pool up' '^client1: filled up; keys of members that had signed, destroyed: 5$'
equal 'new members have new numbers' '6 7 8 9 10' "$(members cert)"
equal 'the keys of the others are gone' '6 7 8 9 10' "$(members Private)"
equal 'and their numbers are retired' '1 2 3 4 5' "$(marked retired)"
equal 'no failure is left' null "$(of_status .fill_up_failure)"
expect 0 'keep again' "$certpool" keep client1 --json
equal 'makes nothing' '0 0' "$(jq -r '"\(.enrolled) \(.retired)"' out)"
for verb in request enroll repair; do
	expect 0 "$verb leaves retired numbers alone" "$certpool" $verb client1
done
equal 'of whom nothing comes back' '6 7 8 9 10|6 7 8 9 10|6 7 8 9 10' "$(members CSR_file)|$(members cert)|$(members Private)"
equal 'size counts usable members' '5 5' "$(of_status '"\(.size) \(.valid)"' | tr -d '"')"
check 'check finds nothing' "$certpool" check client1
expect 0 'the advice works' send x
expect 4 'a retired member' send x --member 2
expect 2 'is none for renew' "$certpool" renew client1/2

# An older layout is put back: what it calls unused may have signed since.
"$certpool" send client1 client2 --endpoint "$inbox" --json x --count 2 >out
mv client1 newer
cp -a backup client1
equal 'a restored layout: status says what send will' '0 5' "$(of_status '"\(.unused) \(.set_aside)"' | tr -d '"')"
expect 4 'a restored layout: no member signs twice' send x
says 'all are set aside' '5 are set aside'
expect 0 'keep makes new ones' "$certpool" keep client1
expect 0 'which sign' send x
equal 'none of the old' 0 "$(jq '[select(.member <= 5)] | length' out)"
rm client1/state/pool
expect 4 'nor without its state' send x
rm -r client1
mv newer client1

# Eight processes at once.
manifest_of 'size: 40, reuse: once_only' >manifest.yaml
expect 0 'a larger pool: keep fills it up' "$certpool" keep client1
for i in 1 2 3 4 5 6 7 8; do send "$i" --count 4 >"out$i" & processes[i]=$!; done
for i in 1 2 3 4 5 6 7 8; do wait "${processes[i]}" || fail "sender $i"; done
equal 'eight processes at once: 32 messages by 32 members' '32 32' \
	"$(jq -r .member out? | wc -l) $(jq -r .member out? | sort -u | wc -l)"
"$certpool" send client1 client2 --endpoint "$inbox" --json x --count 100 >many 2>err &
sender=$!
begun() { [ -s many ]; }
check 'a sender begins' eventually begun
{ kill -9 $sender; wait $sender; } 2>killed
expect 0 'after a kill the pool is filled up' "$certpool" keep client1
send x --count 8 >later
equal 'and no member has signed twice' "$(cat out? many later | wc -l)" "$(cat out? many later | jq -r .member | sort -u | wc -l)"

# Two at once: what signs while keep waits for another process has no successor yet when keep begins.
manifest_of 'size: 3, reuse: once_only, topup: {unused: 1}' >manifest.yaml
send x --count 100 >out 2>err
"$certpool" keep client1 -q >out
exec 8>>client1/state/lock
flock 8
"$certpool" keep client1 --now >waiting.out 2>waiting.err &
keeper=$!
check 'keep waits for another process' eventually grep -q 'another certpool works on it' waiting.err
expect 0 'meanwhile two of three members sign' send x --count 2
flock -u 8
wait $keeper || fail 'the keep that waited' "$(cat waiting.err)"
check 'it replaces them' grep -q '^client1: enrolled 2,' waiting.out
check 'before it destroys their keys' grep -q 'had signed, destroyed: 2$' waiting.out
equal 'and the pool is full' 3 "$(of_status .unused)"

# What signs while renew, or another command on members, waits is set aside for it, too.
flock 8
"$certpool" renew client1 --all --json >waiting.out 2>waiting.err &
renewer=$!
check 'renew waits for another process' eventually grep -q 'another certpool works on it' waiting.err
expect 0 'meanwhile two of three members sign again' send x --count 2
flock -u 8
wait $renewer || fail 'the renew that waited' "$(cat waiting.err)"
equal 'it renews the third' 1 "$(jq .renewed waiting.out)"
"$certpool" keep client1 --now -q >out

# on_empty
manifest_of 'size: 3, reuse: once_only, on_empty: reuse, topup: {unused: 1}' >manifest.yaml
send x --count 100 >out 2>err
equal 'on_empty: reuse: all messages are sent' 100 "$(wc -l <out)"
last=$(jq .member out | sort | uniq -d)
equal 'those above the unused ones by one member' 1 "$(wc -w <<<"$last")"
expect 0 'in another process' send x
equal 'by the same' "$last" "$(jq .member out)"
expect 0 'until the pool is filled up' "$certpool" keep client1
expect 0 'then' send x
check 'another one signs' test "$(jq .member out)" -gt "$last"
manifest_of 'size: 3, reuse: once_only, on_empty: block, topup: {unused: 1}' >manifest.yaml
send x --count 2 >out
"$certpool" send client1 client2 --endpoint "$inbox" --json x --count 2 >blocked 2>err &
sender=$!
none_left() { [ "$(marked used | wc -w)" = 3 ]; }
check 'on_empty: block: the last member is taken' eventually none_left
# Another process that has the lock of the state finds that the sender comes for it, again and again.
looks() { grep -qE -- "-> +FLOCK +ADVISORY +WRITE +$sender " /proc/locks; }
exec 9<client1/state
for look in 1 2 3; do
	flock 9
	check "the sender of the next message looks for a member, time $look" eventually looks
	flock -u 9
done
check 'and waits' kill -0 $sender
last=$(marked used | tr ' ' '\n' | tail -n 1)
expect 0 'keep fills up what is waited for' "$certpool" keep client1
wait $sender || fail 'the sender that waited' "$(cat err)"
equal 'and the messages are sent' 2 "$(wc -l <blocked)"
check 'the second by a new member' test "$(jq -s 'map(.member) | max' blocked)" -gt "$last"

# Another method: what was used up stays so.
manifest_of 'size: 3' >manifest.yaml
expect 0 'a random pool again' send x --count 20
equal 'draws no member that was used up' '' \
	"$(comm -12 <(marked used | tr ' ' '\n' | sort) <(jq -r .member out | sort -u))"
manifest_of 'size: 6, reuse: limited_time' >manifest.yaml
expect 0 'the advice works there, too: keep' "$certpool" keep client1
equal 'fills the pool up and destroys the keys of what was used up' '6 0' \
	"$(members Private | wc -w) $(marked used | wc -w)"
expect 0 'a member signs' send x --count 3
manifest_of 'size: 6, reuse: once_only' >manifest.yaml
expect 4 'with once_only again, what may have signed does not' send x
says 'and is set aside' '6 are set aside'
