#!/usr/bin/env bash
# renew and needs-renewal: expiring pairs are replaced, also when renew is killed or others sign meanwhile.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# The shell's report of every killed process. Failed checks are on standard output.
exec 2>notices

short() { # SIZE VALIDITY [POLICY]
	manifest "$1" 1 | sed "s|ca: {layout: ca,|& certificates: {validity: $2, backdate: 1s},|
		s|client1: {|&${3-}|"
}
serial() { openssl x509 -noout -serial -in "client1/cert/cert_key$1.crt"; }
mismatched() { # prints the number of members whose key is not their certificate's, or whose certificate is not the CA's
	local count=0 certificate number
	for certificate in client1/cert/cert_key*.crt; do
		number=${certificate//[^0-9]/}
		number=${number#1}
		[ "$(openssl pkey -pubout -in "client1/Private/private_key$number.key")" = \
			"$(openssl x509 -noout -pubkey -in "$certificate")" ] || count=$((count + 1))
	done
	echo $count
}
renewals() { find client1 -name 'renewal_*' -o -name '.*.new' | wc -l; }

short 6 1h 'policy: {certificates: 100}, ' >manifest.yaml
"$certpool" init -q >out
start_ca
expect 4 'renew for a client that the manifest does not have' "$certpool" renew nobody
expect 4 'needs-renewal too, and not with 1' "$certpool" needs-renewal nobody
expect 0 'renew where nothing is enrolled' "$certpool" renew client1
prints 'has nothing to do' '^client1: renewed 0 certificates; 0 were not due; 0 refused$'
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
find client1 -name '*key*' -type f -exec sha256sum {} + >before

expect 1 'needs-renewal: no' "$certpool" needs-renewal client1
prints 'and says how many' '^client1: 0 members are to be renewed; 6 are not due$'
equal 'without a complaint' '' "$(cat err)"
expect 0 'needs-renewal: yes, when asked about two hours' "$certpool" needs-renewal client1 --within 2h --json
equal 'in JSON' '{"client":"client1","needs_renewal":true,"due":6,"kept":0,"elsewhere":0}' "$(cat out)"
expect 2 'a duration that is none' "$certpool" renew client1 --within soon
expect 0 'renew when nothing is due' "$certpool" renew client1 --json
equal 'renews nothing' '{"client":"client1","renewed":0,"kept":6,"elsewhere":0,"refused":0,"damaged":0,"cut_short":0}' "$(cat out)"
check 'and changes nothing' sha256sum --quiet -c before
expect 7 'renew when the CA is not there' "$certpool" renew client1 --all --ca http://127.0.0.1:1
grep cert_key before >old
check 'leaves certificates as they were' sha256sum --quiet -c old
check 'and the pool can sign' "$certpool" send client1 client2 --output message1.jwe x
expect 0 'needs-renewal: yes, what was begun is to be completed' "$certpool" needs-renewal client1

expect 0 'renew completes what was begun' "$certpool" renew client1
prints 'all of them' '^client1: renewed 6 certificates; 0 were not due; 0 refused$'
equal 'each with another certificate, key and request' 18 "$(sha256sum -c before 2>/dev/null | grep -c ': FAILED$')"
equal 'keys are of their certificates' 0 "$(mismatched)"
equal 'nothing is left over' 0 "$(renewals)"
equal 'the record has old and new' 12 "$(rows)"
equal 'keys are for their owner alone' 600 "$(mode client1/Private/private_key3.key)"
check 'requests are for the new keys' test "$(openssl req -noout -pubkey -in client1/CSR_file/csr_key3.csr)" = \
	"$(openssl x509 -noout -pubkey -in client1/cert/cert_key3.crt)"
for i in 1 6; do
	check "openssl verifies certificate $i" openssl verify -x509_strict -CAfile client1/cert/root.crt client1/cert/cert_key$i.crt
done

# A member whose key is stored elsewhere is left alone.
mv client1/Private/private_key5.key elsewhere.key
before=$(serial 5)
expect 0 'renew --all' "$certpool" renew client1 --all --json
equal 'renews those whose keys are here' '{"client":"client1","renewed":5,"kept":0,"elsewhere":1,"refused":0,"damaged":0,"cut_short":0}' "$(cat out)"
says 'and tells of the other' 'whose key is not in Private'
equal 'which has its certificate' "$before" "$(serial 5)"
mv elsewhere.key client1/Private/private_key5.key

# catalogue 94: clocks that are ahead, of the CA and of the client: expired certificates are renewed too
start_ca_ahead() { # OFFSET
	stop "$ca"
	ahead_by "$1"
	start_ca
	launcher=()
}
start_ca_ahead +50m
expect 0 'before the end, after two thirds of the life' under_clock +50m "$certpool" needs-renewal client1
expect 0 'renew' under_clock +50m "$certpool" renew client1
prints 'renews' '^client1: renewed 6 certificates'
expect 1 'which is enough then' under_clock +50m "$certpool" needs-renewal client1
start_ca_ahead +5h
expect 4 'after the end nobody can sign' under_clock +5h "$certpool" send client1 client2 --output message2.jwe x
expect 0 'renew' under_clock +5h "$certpool" renew client1
prints 'renews what has ended' '^client1: renewed 6 certificates'
check 'and the pool can sign' under_clock +5h "$certpool" send client1 client2 --output message3.jwe x

# As a step of a batch.
mkdir batch
short 3 1h >batch/manifest.yaml
printf 'batch: [{enroll: [client1]}, {renew: [client1]}]\n' >>batch/manifest.yaml
expect 0 'a batch that renews' "$certpool" run -m batch/manifest.yaml
prints 'renews nothing that is fresh' '^ +2  renew +client1 +done .* 0 renewed, 3 kept, 0 refused$'
expect 0 'and again, fifty minutes later' under_clock +50m "$certpool" run -m batch/manifest.yaml --json
equal 'renews what is due' '3 0 0' "$(jq -r 'select(.verb=="renew")|"\(.renewed) \(.kept) \(.refused)"' out)"

# The policy's quota: the old certificates count.
mkdir tight
short 3 1h 'policy: {certificates: 4}, ' >tight/manifest.yaml
"$certpool" init -q -m tight/manifest.yaml >out
stop "$ca"
start_ca -m tight/manifest.yaml
"$certpool" request client1 -q -m tight/manifest.yaml >out && "$certpool" enroll client1 -q -m tight/manifest.yaml >out
expect 5 'renewals without room in the policy' "$certpool" renew client1 --all -m tight/manifest.yaml
says 'are refused' 'members 2 to 3 \(2\): refused \(quota\)'
says 'and it says why' 'a renewal needs room in the client.s policy'
prints 'the others are renewed' '^client1: renewed 1 certificate; 0 were not due; 2 refused$'
equal 'nothing is left over of those refused' 0 "$(find tight/client1 -name 'renewal_*' | wc -l)"
expect 6 'and again, when none has room' "$certpool" renew client1 --all -m tight/manifest.yaml
check 'they can sign' "$certpool" send client1 client2 -m tight/manifest.yaml --output message4.jwe x
stop "$ca"

# catalogue 76: killed at each call that changes something; the next renew, request or enroll then
# completes the renewal, and a signer never gets a key with another key's certificate.
rm -rf ca client1 client2
short 4 1h 'policy: {certificates: 10000}, ' >manifest.yaml
"$certpool" init -q >out
start_ca
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
killed_at() { # STEP COMMAND…
	local step=$1
	shift
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace \
		-e "inject=renameat,renameat2,fsync,syncfs,unlinkat,sendto:signal=KILL:when=$step" "$@" >out 2>err
}
completing=(renew request enroll)
step=0
killed=137
completed=0
while [ $killed -eq 137 ] && [ $step -lt 150 ]; do
	step=$((step + 1))
	killed_at $step "$certpool" renew client1 -q --all
	killed=$?
	for member in 1 2 3 4; do
		"$certpool" send client1 client2 --member $member --output "step$step.$member.jwe" x >out 2>err || break 2
	done
	"$certpool" "${completing[step % 3]}" client1 -q >out 2>err || break
	[ "$(find client1/cert -name 'renewal_*' | wc -l)" -eq 0 ] || break
	[ "$(mismatched)" -eq 0 ] || break
	"$certpool" renew client1 -q >out 2>err || break
	[ "$(renewals) $(mismatched)" = '0 0' ] || break
	completed=$((completed + 1))
done
equal 'renew, killed at any step, leaves pairs that sign, and is completed' "$step" "$completed"
check 'there were steps to be killed at' test "$step" -gt 10
rm -f step*.jwe

# Messages sent during repeated renewals: each is signed by a matching pair, and verified.
start_receiver client2 --quiet
(until [ -e enough ]; do "$certpool" renew client1 -q --all || exit; done >renew.out 2>renew.err) &
renewing=$!
expect 0 'messages are sent while the pool is renewed' "$certpool" send client1 client2 --endpoint "$inbox" --count 400 x
touch enough
wait $renewing
equal 'all are verified' 400 "$(wc -l <receive.out)"
check 'no renewal failed' test ! -s renew.err
"$certpool" renew client1 -q >out
equal 'pairs they are in the end' 0 "$(mismatched)"

# catalogue 88: two renewals at once: the second waits, and then finds no work
rm -rf client1/Private/renewal* ; short 40 1h 'policy: {certificates: 10000}, ' >manifest.yaml
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
start_ca_ahead +50m
before=$(rows)
under_clock +50m "$certpool" renew client1 --json >first.out 2>first.err &
first=$!
expect 0 'a renewal while another runs' under_clock +50m "$certpool" renew client1 --json
wait $first
equal 'both succeed' 0 $?
equal 'each member is renewed once' "40 $((before + 40))" "$(jq -s 'map(.renewed) | add' first.out out) $(rows)"
stop "$ca"

# catalogue 71: no room on the disk: the old pair stays
if [ "$(id -u)" -eq 0 ] && mkdir small && mount -t tmpfs -o size=200k tmpfs small 2>/dev/null; then
	short 3 1h 'policy: {certificates: 1000}, ' >small.yaml
	sed -i 's|ca: {layout: ca|ca: {layout: small-ca|; s|client1: {|&layout: small/client1, |; s|client2: {|&layout: small-client2, |' small.yaml
	"$certpool" init -q -m small.yaml >out
	start_ca -m small.yaml
	"$certpool" request client1 -q -m small.yaml >out && "$certpool" enroll client1 -q -m small.yaml >out
	dd if=/dev/zero of=small/full bs=1k status=none 2>/dev/null
	check_not 'renew on a full disk fails' "$certpool" renew client1 --all -m small.yaml
	check 'and the pool can sign' "$certpool" send client1 client2 -m small.yaml --output message5.jwe x
	rm small/full
	expect 0 'with room again it goes on' "$certpool" renew client1 --all -m small.yaml
	stop "$ca"
fi
