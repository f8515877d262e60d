#!/usr/bin/env bash
# How the member that signs is chosen: reuse, hold, send --peer, between processes, with kills.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
shipped=$(realpath "$(dirname "$0")/../../../pki-layout/examples/reuse.yaml")
. "$(dirname "$0")/../lib.sh"

# manifest_of POOL: client1's pool; receivers are client2 and client3.
manifest_of() {
	cat <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0"}
		clients:
		  client1: {pool: {$1}}
		  client2: {pool: {size: 1}, endpoint: "http://127.0.0.1:0"}
		  client3: {pool: {size: 1}, endpoint: "http://127.0.0.1:0"}
	END
}
# Members that signed, each with how often, by its number.
signers() { jq -r .member "$@" | sort -n | uniq -c | awk '{ print $2 ":" $1 }' | paste -sd' '; }

manifest_of 'size: 8, reuse: in-turn' >manifest.yaml
expect 2 'a method that there is not' "$certpool" status
says 'is refused by name, with line and column' 'manifest\.yaml:4:36: clients\.client1\.pool\.reuse: expected one of random, .*found "in-turn"'
manifest_of 'size: 8, reuse: per-relying-party, hold: 3' >manifest.yaml
expect 2 'a hold of per-relying-party' "$certpool" status
says 'is refused' 'expected no hold with reuse: per-relying-party, where a receiver always sees the same member, found 3'
manifest_of 'size: 8' >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client2 client3; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
start_receiver client2
send() { "$certpool" send client1 client2 --endpoint "$inbox" --json "$@"; }

expect 0 'a random pool sends' send x --count 20
check_not 'and keeps no state' test -e client1/state/pool
# All that a pool can say, with the default method.
of_status() { "${@:2}" "$certpool" status --json >out 2>err; jq -c "select(.node == \"client1\") | $1" out; }
moment() { TZ=UTC date -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
manifest_of 'size: 20, reuse: random, hold: 1, topup: {unused: 8, lifetime_left: 30%}, on_empty: fail' >manifest.yaml
equal 'members that it lacks are due at once' '[12,true]' "$(of_status '[.size - .valid, .next_fill_up <= (now | todate)]')"
expect 0 'a random pool with topup: keep' "$certpool" keep client1
prints 'makes what it lacks' '^client1: enrolled 12, '
expect 0 'it sends' send x --count 20
check_not 'and keeps no state either' test -e client1/state/pool
seconds() { date -d "$(openssl x509 -noout "$1" -in "$2" | cut -d= -f2)" +%s; }
# fills LEFT N: in $due when the first of members 1 … N has that much of its life left, a term, and in $last when the
# last of them ends.
fills() {
	local i begin end
	for ((i = 1; i <= $2; i++)); do
		begin=$(seconds -startdate client1/cert/cert_key$i.crt) end=$(seconds -enddate client1/cert/cert_key$i.crt)
		echo "$((end - $1)) $end"
	done >ends
	due=$(moment "$(sort -n ends | head -n 1 | cut -d' ' -f1)")
	last=$(moment "$(sort -n -k 2 ends | tail -n 1 | cut -d' ' -f2)")
}
fills '(end - begin) / 100 * 30' 20
equal 'status: with random no member is in use, and all that can sign are unused' '["random",0,20,0,0,null,30]' \
	"$(of_status '[.reuse, .in_use, .unused, .set_aside, .ending, .fill_up_at_unused, .fill_up_at_lifetime_left]')"
equal 'the next fill-up is when 30 % of the first life is left, and the pool lasts until the last one ends' \
	"[\"$due\",\"$last\",null,null]" \
	"$(of_status '[.next_fill_up, .lasts_until, .fill_up_retry, .fill_up_failure]')"
equal 'later all are ending' '[20,20]' "$(of_status '[.ending, .unused]' under_clock +70d)"
check 'and due at once' jq -se 'map(select(.node == "client1"))[0] | .next_fill_up < .first_expiry' out
expect 0 'in words' "$certpool" status
prints 'the same' "^  filled up when 30 % of a certificate's life is left, next at $due; at the present rate it lasts until $last\$"
expect 7 'keep without a CA' "$certpool" keep client1 --ca http://127.0.0.1:1
equal 'status has the reason' true "$(of_status '.fill_up_failure | contains("127.0.0.1:1")')"
expect 0 'keep' "$certpool" keep client1
equal 'no failure is left' null "$(of_status .fill_up_failure)"
rm client1/state/pool
manifest_of 'size: 8' >manifest.yaml
"$certpool" repair client1 --shrink -q >out 2>err
expect 2 '--peer with a random pool' send x --peer client3
says 'is refused' '--peer: expected a pool with reuse: per-relying-party, found that of client1 with reuse: random'

# use N: what status says of a pool of N members that is filled up when a third of a life is left.
use() {
	fills '(end - begin) / 3' "$1"
	of_status '[.in_use, .unused, .set_aside, .ending, .fill_up_at_unused, .fill_up_at_lifetime_left,
		.next_fill_up, .lasts_until]'
}
manifest_of 'size: 8, reuse: rotating-batch' >manifest.yaml
for i in 1 2 3 4 5 6 7 8; do send "$i" >"out$i"; done
use 8 >used
equal 'status: all are in use, and the next fill-up is when a third of the first life is left' \
	"[8,0,0,0,null,33,\"$due\",\"$last\"]" "$(cat used)"
equal 'eight processes: each member signs once' '1:1 2:1 3:1 4:1 5:1 6:1 7:1 8:1' "$(signers out?)"
expect 0 'status' "$certpool" status
prints 'says that all are in use' '^  reuse rotating-batch, in use 8, unused 0, set aside 0, ending 0$'
for i in 1 2 3 4 5 6 7 8; do send "$i" --count 5 >"out$i" & processes[i]=$!; done
for i in 1 2 3 4 5 6 7 8; do wait "${processes[i]}" || fail "sender $i"; done
equal 'eight processes at once, five messages each: each member signs five times' \
	'1:5 2:5 3:5 4:5 5:5 6:5 7:5 8:5' "$(signers out?)"
equal 'the state is for its owner alone' 600 "$(mode client1/state/pool)"

# A sender that is killed leaves out the members under way, and nothing else: no member signs twice in
# an order. The order is read from the state, the signers from the receiver.
manifest_of 'size: 8, reuse: rotating-batch, hold: 2' >manifest.yaml
send x >first
send x >second
equal 'with another hold another order begins, whose first member signs twice' "$(jq .member first)" "$(jq .member second)"
"$certpool" send client1 client2 --endpoint "$inbox" --json x --count 100000 >many 2>/dev/null &
sender=$!
begun() { [ "$(wc -l <many)" -ge 20 ]; }
check 'a sender begins' eventually begun
kill -9 $sender
wait $sender 2>/dev/null
expect 0 'after a kill -9 the next sender goes on' send x --count 40
check 'and the state is whole' grep -qE '^order [0-9a-f-]{36} [0-9a-f]{32} 0000000008 0000000002 [0-9]{20}$' client1/state/pool

for method in random limited_time; do
	manifest_of "size: 8, reuse: $method, hold: 40" >manifest.yaml
	for i in 1 2 3 4; do send "$i" --count 10 >"out$i" & processes[i]=$!; done
	for i in 1 2 3 4; do wait "${processes[i]}" || fail "sender $i"; done
	equal "$method: four processes at once, one hold: one member signs all" 1 "$(jq .member out[1-4] | sort -u | wc -l)"
	equal 'which is the one in use' 1 \
		"$("$certpool" status --json | jq 'select(.node == "client1") | .in_use')"
done

# A restored layout: the state of an order that went on, out of a backup.
manifest_of 'size: 8, reuse: rotating-batch' >manifest.yaml
send x >out
cp -a client1/state/pool old
send x --count 3 >out
cp -a old client1/state/new && mv client1/state/new client1/state/pool
seed() { awk '$1 == "order" { print $3 }' "$1"; }
for i in 1 2 3 4 5 6 7 8; do send "$i" >"out$i"; done
check_not 'from a copy of the state another order begins' test "$(seed old)" = "$(seed client1/state/pool)"
equal 'and has each member once' '1:1 2:1 3:1 4:1 5:1 6:1 7:1 8:1' "$(signers out?)"

rm client1/state/pool
manifest_of 'size: 8, reuse: limited_time, hold: 1h' >manifest.yaml
for i in 1 2 3; do send "$i" --count 3 >"out$i"; done
member=$(jq -r .member out1 | head -n 1)
equal 'limited_time: one member signs all, in three processes' "$member:9" "$(signers out1 out2 out3)"
use 8 >used
equal 'status: it is the one in use' "[1,7,0,0,null,33,\"$due\",\"$last\"]" "$(cat used)"
equal 'later all are ending' '[1,7,8]' "$(of_status '[.in_use, .unused, .ending]' under_clock +70d)"
later() { under_clock +61m "$certpool" send client1 client2 --output "$1" x; }
expect 0 'an hour later' later later.jwe
current=$(awk '$1 == "current" { print $2 }' client1/state/pool)
check 'another one has its time' test -n "$current" -a "$current" != "$member"
rm -f later.jwe

rm client1/state/pool
manifest_of 'size: 2, reuse: per-relying-party' >manifest.yaml
expect 0 'per-relying-party' send x --count 5
own=$(jq -r .member out | head -n 1)
equal 'the receiver sees one member' "$own:5" "$(signers out)"
expect 0 'another peer, by --peer' send x --peer lamp
equal 'sees the other' $((3 - own)):1 "$(signers out)"
expect 0 'the same again' send x --peer lamp
equal 'sees it again' $((3 - own)):1 "$(signers out)"
serial=$(openssl x509 -serial -noout -in client1/cert/cert_key$((3 - own)).crt | cut -d= -f2 | tr A-F a-f)
expect 0 'a message to a file' "$certpool" send client1 client2 --peer lamp --output lamp.jwe --explain x
check 'is signed by it' grep -qF -e "$(openssl x509 -outform DER -in client1/cert/cert_key$((3 - own)).crt | base64 -w0)" out
expect 0 'a message for everybody, of a peer' "$certpool" seal client1 --peer lamp --json x
equal 'is signed by it, too' "$((3 - own)) $serial" "$(jq -r '"\(.member) \(.serial)"' out)"
expect 0 'of another peer' "$certpool" seal client1 --peer client2 --json x
equal 'by its own' "$own" "$(jq .member out)"
expect 4 'of a third' "$certpool" seal client1 --peer third x
silent 'is not made'
expect 2 'of none' "$certpool" seal client1 x
says 'is refused' 'expected --peer NAME, for whom a member of client1 is chosen by reuse: per-relying-party'
expect 4 'a third peer' send x --peer third
says 'finds none left' 'no member is left for third: the pool of client1 has 2 members, and 2 of them'
expect 2 'a peer that is no name' send x --peer 'a b'
expect 2 'a peer and a member' send x --peer lamp --member 1
expect 0 'a member may be named all the same' send x --member 1
use 2 >used
equal 'status: those of the receivers are in use' "[2,0,0,0,null,33,\"$due\",\"$last\"]" "$(cat used)"
manifest_of 'size: 3, reuse: per-relying-party' >manifest.yaml
expect 0 'the advice works: a larger pool' "$certpool" keep client1
expect 0 'has one for the third' send x --peer third
equal 'a new one' 3:1 "$(signers out)"

printf 'x\n' >client1/state/pool
expect 1 'a damaged state' send x
says 'is named' 'client1/state/pool: line 1: expected "certpool pool 1 INODE BORN"'
stop "$receiver"

# The example that is shipped, as it says itself.
sed 's/127.0.0.1:84../127.0.0.1:0/' "$shipped" >reuse.yaml
expect 0 'the example runs' "$certpool" run -m reuse.yaml
car() { "$certpool" status -m reuse.yaml --json | jq -r 'select(.node == "car1") | .valid'; }
equal 'its car, with topup beside a random choice, has its members' 20 "$(car)"
wallet() { "$certpool" status -m reuse.yaml --json | jq -r 'select(.node == "wallet") | .in_use'; }
equal 'its wallet has shown two members' 2 "$(wallet)"
