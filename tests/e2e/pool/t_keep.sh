#!/usr/bin/env bash
# keep: a pool learns of revocation, replaces, renews, repairs and enrolls, and does nothing when nothing is due.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# The shell's report of every killed process. Failed checks are on standard output.
exec 2>notices

serial() { openssl x509 -noout -serial -in "client1/cert/cert_key$1.crt" | cut -d= -f2 | tr A-F a-f; }
mismatched() {
	local count=0 certificate number
	for certificate in client1/cert/cert_key*.crt; do
		number=${certificate//[^0-9]/}
		number=${number#1}
		[ "$(openssl pkey -pubout -in "client1/Private/private_key$number.key")" = \
			"$(openssl x509 -noout -pubkey -in "$certificate")" ] || count=$((count + 1))
	done
	echo $count
}
drawn() { # TIMES: the members that sign, each once
	"$certpool" send client1 client2 --endpoint "$inbox" --count "$1" x 2>err | sed 's/.*member \([0-9]*\),.*/\1/' | sort -un | xargs
}
manifest 6 1 >manifest.yaml
"$certpool" init -q >out
start_ca
start_receiver client2 --quiet

expect 0 'keep makes and enrolls a pool that is not there' "$certpool" keep client1
prints 'and says when it will be due' '^client1: enrolled 6, repaired 0, replaced 0, renewed 0; 0 were in order; 0 refused; the next renewal is due at 20'
find client1 -type f -not -path '*/state/*' -exec sha256sum {} + >before
expect 0 'keep when nothing is due' "$certpool" keep client1
prints 'says so, and when it will be' '^client1: nothing is due; the next renewal is due at 20..-..-..T..:..:..Z$'
check 'and changes nothing' sha256sum --quiet -c before
expect 0 'the same in JSON' "$certpool" keep client1 --json
equal 'has a number for each need' 'client1 0 0 0 0 6 0 0 0' "$(jq -r '[.client,.enrolled,.repaired,.replaced,.renewed,.kept,.elsewhere,.by_hand,.refused]|map(tostring)|join(" ")' out)"
check 'and the time' jq -e '.next_due|fromdateiso8601 > now' out
expect 4 'keep for a client that the manifest does not have' "$certpool" keep nobody

# What was revoked is learned, and not drawn. The operator revokes 2 and 5, the client itself 3.
old=$(serial 2)
"$certpool" revoke client1/2 client1/5 --reason keyCompromise -q >out
equal 'before it is known, a revoked member may be drawn' '1 2 3 4 5 6' "$(drawn 300)"
expect 0 'revoke --as' "$certpool" revoke --as client1 3 --ca "$CERTPOOL_CA" -q
check 'notes it at once' grep -q "^$(serial 3) [0-9]* [0-9]* 0\$" client1/state/revoked
equal 'for its owner alone' 600 "$(mode client1/state/revoked)"
equal 'and it is not drawn any more' '1 2 4 5 6' "$(drawn 300)"
expect 6 'nor used when it is named' "$certpool" send client1 client2 --endpoint "$inbox" --member 3 x
says 'with the verb that helps' 'revoked at .* \(unspecified\): use another member, or run certpool keep client1$'
expect 0 'enroll asks the CA' "$certpool" enroll client1
says 'and says what it learned' 'client1: 2 certificates are revoked, and are not used any more: certpool keep client1 replaces them'
equal 'so that they are not drawn' '1 4 6' "$(drawn 200)"
expect 0 'status' "$certpool" status --json
equal 'counts valid, revoked, damaged and expired apart' '6 3 3 0 0' "$(jq -r 'select(.node=="client1")|"\(.certificates) \(.valid) \(.revoked) \(.damaged) \(.expired)"' out)"
expect 0 'renew leaves what is not due' "$certpool" renew client1 --json
equal 'also if it is revoked' 0 "$(jq .renewed out)"
expect 0 'keep replaces what was revoked' "$certpool" keep client1
prints 'all three' 'enrolled 0, repaired 0, replaced 3, renewed 0; 3 were in order'
check 'with other certificates' test "$old" != "$(serial 2)"
equal 'keys are of their certificates' 0 "$(mismatched)"
equal 'all are drawn again' '1 2 3 4 5 6' "$(drawn 300)"
check 'a revocation stays known until the certificate ends' grep -q "^$old " client1/state/revoked

# A record that lacks a certificate, as after a restore: the CA calls it unknown, and so do those that ask it.
ask_record ca "delete from certificate where client = 'client1' and lower(hex(serial)) = lower('$(serial 2)')"
lost=$(serial 2)
expect 0 'renew leaves it' "$certpool" renew client1
says 'and says what becomes of it' "1 of the certificates is not in the CA's record, as $lost, .*certpool keep client1 replaces it"
expect 0 'keep replaces it' "$certpool" keep client1 --json
equal 'it alone' '1 5' "$(jq -r '"\(.replaced) \(.kept)"' out)"
check_not 'with another certificate' test "$lost" = "$(serial 2)"
expect 0 'and has nothing to do then' "$certpool" keep client1
prints 'which it says' 'nothing is due'

# By the CRL, where the manifest has its URL; the CA is asked where no CRL answers.
sed -i "s|ca: {layout: ca, |&crl: {url: \"$CERTPOOL_CA/crl\"}, |" manifest.yaml
"$certpool" revoke client1/4 -q >out
expect 0 'keep with the URL of a CRL' "$certpool" keep client1 --json
equal 'learns from it' 1 "$(jq .replaced out)"
lost=$(serial 5)
sqlite3 ca/state/ca.db "delete from certificate where client = 'client1' and serial = x'$lost'"
expect 0 'a CRL calls good what the record lacks: keep' "$certpool" keep client1 --json
equal 'asks the CA after that, too' 1 "$(jq .replaced out)"
check_not 'and replaces it' test "$lost" = "$(serial 5)"
sed -i "s|$CERTPOOL_CA/crl|http://127.0.0.1:1/crl|" manifest.yaml
"$certpool" revoke client1/4 -q >out
expect 0 'keep with a CRL that cannot be fetched' "$certpool" keep client1 --json
equal 'asks the CA' 1 "$(jq .replaced out)"
sed -i 's|crl: {url: "http://127.0.0.1:1/crl"}, ||' manifest.yaml

# A damaged state/revoked: nothing is signed until it is learned again.
echo x >client1/state/revoked
expect 1 'send while it is not known what is revoked' "$certpool" send client1 client2 --endpoint "$inbox" x
says 'names the verb that helps' 'state/revoked: line 1: .*: run certpool keep client1, which makes it anew'
expect 0 'keep learns it anew' "$certpool" keep client1
expect 0 'send' "$certpool" send client1 client2 --endpoint "$inbox" x

# Time passes: by the clock's last third of the life all are due.
start_ca_ahead() { # OFFSET
	stop "$ca"
	ahead_by "$1"
	start_ca
	launcher=()
}
ahead() {
	under_clock "$1" "$certpool" "${@:2}"
}
due=$("$certpool" keep client1 --json | jq -r '.next_due|fromdateiso8601')
days=$(((due - $(date +%s)) / 86400))
start_ca_ahead "+$((days - 1))d"
expect 0 'keep a day before it said that something is due' ahead "+$((days - 1))d" keep client1
prints 'does nothing' 'nothing is due'
start_ca_ahead "+$((days + 1))d"
expect 0 'keep a day after' ahead "+$((days + 1))d" keep client1
prints 'renews' 'enrolled 0, repaired 0, replaced 0, renewed 6; 0 were in order'
start_ca_ahead +400d
expect 4 'after the end of all nobody can sign' ahead +400d send client1 client2 --output message.jwe x
says 'with the verb that helps' '6 expired: run certpool keep client1$'
rm client1/cert/cert_key5.crt
expect 0 'keep' ahead +400d keep client1
prints 'also when a certificate of these is lost: its key is spent' 'enrolled 1, repaired 0, replaced 0, renewed 5; 0 were in order; 0 refused'
check 'and the pool can sign' ahead +400d send client1 client2 --output message.jwe x
stop "$ca"

# Exit statuses: a CA that is not there, a client that has no right, one that has no room.
rm -rf ca client1 client2
manifest 4 1 | sed 's|client1: {|&policy: {certificates: 6}, |
	s|ca: {layout: ca,|& certificates: {validity: 100d, jitter: 20%},|' >manifest.yaml
"$certpool" init -q >out
expect 7 'keep when the CA is not there' "$certpool" keep client1 --ca http://127.0.0.1:1
start_ca
expect 0 'keep' "$certpool" keep client1
ends() { for i in 1 2 3 4; do date -d "$(openssl x509 -noout -enddate -in client1/cert/cert_key$i.crt | cut -d= -f2)" +%s; done | sort -n; }
# Of 1,728,000 seconds two of the four are the same once in 300,000 times, and three once in 10^12.
check 'the CA spreads the ends of certificates, by its jitter' test "$(ends | uniq | wc -l)" -ge 3
check 'within a fifth of their validity' test "$(ends | head -n 1)" -ge $(($(date +%s) + 79 * 86400)) -a "$(ends | tail -n 1)" -le $(($(date +%s) + 100 * 86400))
# So often that it waits for long, whatever a busy machine takes between two commands.
for try in 1 2 3 4 5; do expect 7 "keep, which cannot learn, $try" "$certpool" keep client1 --now --ca http://127.0.0.1:1; done
expect 5 'keep without room for all in the policy' "$certpool" keep client1 --within 365d --now
prints 'renews what it can' 'renewed 2; 0 were in order; 2 refused'
says 'and says which, and why' 'refused \(quota\)'
expect 7 'after some failures in a row it waits' "$certpool" keep client1 --within 365d
says 'and says why, and how not to' 'failed 6 times, and is tried again at .* or with --now: .*refused 2 of 4 members'
equal 'status has the reason' true "$("$certpool" status --json | jq 'select(.node == "client1") | .fill_up_failure | contains("refused 2 of 4")')"
"$certpool" revoke "$(serial 1)" -q >out 2>err
expect 7 'while it waits' "$certpool" keep client1
says 'it learns what was revoked' '1 certificate is revoked, and is not used any more'
expect 5 'with --now it does not wait' "$certpool" keep client1 --within 365d --now
prints 'and replaces that, which makes room' 'replaced 1, renewed 0; 0 were in order; 3 refused'
expect 6 'and again, without room for any' "$certpool" keep client1 --within 365d --now
"$certpool" client set client1 --certificates 100000 >out 2>err
"$certpool" client disable client1 >out 2>err
expect 6 'keep for a client that is disabled' "$certpool" keep client1 --within 365d --now
"$certpool" client enable client1 >out 2>err
expect 0 'once the causes are mended' "$certpool" keep client1 --now
check_not 'no failure is left' grep -q '^failed' client1/state/pool

# catalogue 76: killed at each call that changes something, with something of each kind to do: the next keep completes.
killed_at() { # CALL STEP COMMAND…: kills it at that call of its kind in one of its threads
	local call=$1 step=$2
	shift 2
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "inject=$call:signal=KILL:when=$step" "$@" >out 2>err
}
calls=(renameat renameat2 linkat fsync syncfs unlinkat sendto)
steps=0
completed=0
for call in "${calls[@]}"; do
	step=0
	killed=137
	while [ $killed -eq 137 ] && [ $step -lt 60 ]; do
		step=$((step + 1))
		steps=$((steps + 1))
		"$certpool" revoke "$(serial 1)" -q >out 2>err
		: >client1/Private/private_key2.key
		: >client1/cert/cert_key3.crt
		rm -f client1/CSR_file/csr_key4.csr client1/Private/private_key4.key client1/cert/cert_key4.crt
		killed_at "$call" $step "$certpool" keep client1 -q
		killed=$?
		"$certpool" keep client1 -q >out 2>err || break 2
		"$certpool" check client1 -q >out 2>err || break 2
		[ "$(mismatched)" -eq 0 ] || break 2
		[ "$(find client1 -name 'renewal_*' -o -name '.*.new' | wc -l)" -eq 0 ] || break 2
		for member in 1 2 3 4; do
			"$certpool" send client1 client2 --member $member --output "$call$step.$member.jwe" x >out 2>err || break 3
		done
		completed=$((completed + 1))
	done
done
[ "$steps" -eq "$completed" ] || printf '# %s\n' "killed at $call $step, with status $killed; after that:" "$(tail -n 3 out err)" \
	"keys of another certificate: $(mismatched)" "left: $(find client1 -name 'renewal_*' -o -name '.*.new')"
equal 'keep, killed at any step, is completed by the next' "$steps" "$completed"
check 'there were steps to be killed at' test "$steps" -gt 20
