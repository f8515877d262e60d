#!/usr/bin/env bash
# windows: members that are each for one window of time, which keep makes in advance and destroys afterwards.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

every=604800 overlap=3600
pool='windows: {every: 7d, overlap: 1h, ahead: 2, members: 3}, subject: "CN=a unit"'
manifest_of() {
	cat <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0"$store}
		clients:
		  client1: {pool: {$1, reuse: rotating-batch}}
		  client2: {pool: {$1}}
		  client3: {endpoint: "http://127.0.0.1:0"}
	END
}
manifest_of "size: 9, $pool" >manifest.yaml
expect 2 'a size beside windows' "$certpool" status
says 'is refused' '4:[0-9]+: clients\.client1\.pool\.size: expected no size beside windows, whose members says'
manifest_of "$pool" >manifest.yaml

# The clock of the test begins a minute after a window of its own, whatever the machine's shows.
clocked clocked "$PWD/clock"
certpool=$PWD/clocked
first=$((($(date +%s) / every + 1) * every))
# after SECONDS: so long, and a minute, after that window's beginning.
after() { move_clock "$folder/clock" $((first + 60 + $1 - $(date +%s))); }
after 0
moment() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
seconds() { date -d "$(openssl x509 -noout "$1" -in "$2" | cut -d= -f2)" +%s; }
# Each member of client1 with the number of its window, if its certificate has exactly that one's validity.
windows() {
	local file begin
	for file in client1/cert/cert_key*.crt; do
		begin=$(seconds -startdate "$file")
		[ $((begin % every)) = 0 ] && [ "$(seconds -enddate "$file")" = $((begin + every + overlap)) ] &&
			printf '%s:%s\n' "$(echo "$file" | tr -dc '0-9\n' | cut -c2-)" $(((begin - first) / every))
	done | sort -n | paste -sd' '
}
members() { find "client1/$1" -name '*key[0-9]*' | sed 's/.*key\([0-9]*\)\..*/\1/' | sort -n | paste -sd' '; }
send() { "$certpool" send client1 client3 --endpoint "$inbox" --json "$@"; }
signers() { jq -r .member out | sort -n | paste -sd' '; }

"$certpool" init -q >out
start_ca
start_receiver client3
for client in client2 client1; do
	expect 0 "$client: request" "$certpool" request $client --json
	equal 'makes members for the present window and two ahead' \
		"9 3 $(moment $first) $(moment $((first + every + overlap))) $(moment $((first + 3 * every + overlap)))" \
		"$(jq -r '"\(.keys) \(.window_members) \(.window_begin) \(.window_end) \(.windows_end)"' out)"
	expect 0 "$client: enroll" "$certpool" enroll $client
	prints 'says the windows' "^  window from $(moment $first) to $(moment $((first + every + overlap))), members 3; the 2 ahead end at $(moment $((first + 3 * every + overlap)))\$"
done
equal 'each certificate has its window' '1:0 2:0 3:0 4:1 5:1 6:1 7:2 8:2 9:2' "$(windows)"
"$certpool" pool audit --ca --json >out 2>err
equal 'the audit compares pools by windows, and nothing but an order by chance tells them apart' '' \
	"$(jq -r 'select(.field != "serial") | .field' out)"
check 'and looks at all windows' grep -qE '18 certificates' err
expect 0 'keep has nothing to do' "$certpool" keep client1 --json
equal 'until the next window' "9 $(moment $((first + every)))" "$(jq -r '"\(.kept) \(.next_due)"' out)"
check 'check finds nothing' "$certpool" check client1
expect 1 'nothing is ever to be renewed' "$certpool" needs-renewal client1 --within 1y

expect 0 'status' "$certpool" status --json
equal 'says so, too, and that the pool lasts until the windows ahead end' \
	"rotating-batch $(moment $((first + every))) $(moment $((first + 3 * every + overlap))) null" \
	"$(jq -r 'select(.node == "client1") | "\(.reuse) \(.next_fill_up) \(.lasts_until) \(.fill_up_failure)"' out)"
equal 'counts those of the windows ahead apart' '3 6' \
	"$(jq -r 'select(.node == "client1") | "\(.valid) \(.not_yet_valid)"' out)"
expect 0 'and in words' "$certpool" status
prints 'it is the same' '^  certificates 9, valid 3, not yet valid 6, expired 0, revoked 0, damaged 0$'
expect 0 'the CA lists them' "$certpool" list --client client1
equal 'as what they are' '6 not-yet-valid, 3 valid' \
	"$(awk 'NR > 1 {print $3}' out | sort | uniq -c | awk '{print $1, $2}' | paste -sd, | sed 's/,/, /')"
for state in valid not-yet-valid; do
	equal "and by their state, $state" "$state" \
		"$("$certpool" list --client client1 --status $state --json | jq -r .status | sort -u)"
done

expect 0 'three messages' send x --count 3
equal 'by the present members, in turn' '1 2 3' "$(signers)"
expect 6 'a member of a window to come' send x --member 4
says 'does not sign' 'member 4 of client1: it is not for the present window, whose members are 1 to 3'

# The windows change; the one before goes on for an hour, and its members do not sign any more.
after $every
expect 0 'the next window, before keep' send x --count 3
equal 'has its own members' '4 5 6' "$(signers)"
expect 6 'a member of the window before, which is still valid' send x --member 1
# So many that it waits for a quarter of an hour, which no busy machine takes between two commands.
for try in 1 2 3 4 5 6; do expect 7 "keep without a CA, $try" "$certpool" keep client1 --now --ca http://127.0.0.1:1; done
expect 7 'it waits' "$certpool" keep client1
says 'after six failures' 'failed 6 times, and is tried again at .*127\.0\.0\.1:1'
expect 0 'status' "$certpool" status --json
equal 'has the reason' true "$(jq 'select(.node == "client1") | .fill_up_failure | contains("127.0.0.1:1")' out)"
after $((every + 3000))
expect 0 'later: keep' "$certpool" keep client1 --json
equal 'makes the members of one more window' '3 0' "$(jq -r '"\(.enrolled) \(.retired)"' out)"
equal 'exactly in it' '1:0 2:0 3:0 4:1 5:1 6:1 7:2 8:2 9:2 10:3 11:3 12:3' "$(windows)"
after $((every + 2 * overlap))
expect 0 'keep after the overlap' "$certpool" keep client1
prints 'destroys the keys of the window that is over' '^client1: keys of members whose window is over, destroyed: 3$'
equal 'and nothing else' '4 5 6 7 8 9 10 11 12' "$(members Private)"
equal 'with their certificates' '4 5 6 7 8 9 10 11 12' "$(members cert)"
expect 0 'status' "$certpool" status --json
equal 'says the window' "9 3 $(moment $((first + every)))" \
	"$(jq -r 'select(.node == "client1") | "\(.size) \(.valid) \(.window_begin)"' out)"

# A member of a window to come is revoked, and replaced within that.
"$certpool" revoke client1/8 --reason keyCompromise -q >out
expect 0 'keep after a revocation' "$certpool" keep client1 --json
equal 'replaces the member' 1 "$(jq .replaced out)"
equal 'in its window' '4:1 5:1 6:1 7:2 8:2 9:2 10:3 11:3 12:3' "$(windows)"

# Longer away than the windows ahead: nothing signs, and keep makes what is missing.
after $((9 * every))
expect 4 'after nine windows without keep' send x
says 'no member signs' "no member of client1 for the window from $(moment $((first + 9 * every))) to .* can sign: run certpool keep client1\$"
expect 0 'keep' "$certpool" keep client1 --json
equal 'makes three windows, and destroys what was' '9 9' "$(jq -r '"\(.enrolled) \(.kept + .enrolled)"' out)"
equal 'with numbers of their own' '28:9 29:9 30:9 31:10 32:10 33:10 34:11 35:11 36:11' "$(windows)"
equal 'nothing of the others is left' '28 29 30 31 32 33 34 35 36' "$(members Private)"
expect 0 'and the present ones sign' send x --count 3
equal 'in turn' '28 29 30' "$(signers)"

# Other windows: what there was is of no use.
sed -i 's/every: 7d/every: 14d/' manifest.yaml
stop "$ca"
start_ca
expect 0 'the manifest has other windows' "$certpool" keep client1 --json
equal 'all is made anew' '9 37' "$(jq -r .enrolled out) $(members Private | cut -d' ' -f1)"
expect 0 'and signs' send x
