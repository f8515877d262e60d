#!/usr/bin/env bash
# A root that issues by itself goes through three lives, while its clients renew and send messages. Neither the
# CA nor a receiver is started again for it.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 3 3 |
	sed 's|client1: {|client1: {endpoint: "http://127.0.0.1:0", |; s|layout: ca,|layout: ca, validity: 730d, certificates: {validity: 90d}, crl: {url: "http://ca.example.org/crl", validity: 1d}, ocsp: {url: "http://ca.example.org/ocsp"},|' \
		>manifest.yaml

# The program and openssl at a day of the test; the clock goes on from there.
right=$certpool
clocked clocked "$PWD/clock"
day=0
set_day() {
	day=$1
	move_clock clock "${day}d"
}
then_openssl() { under_clock "${day}d" openssl "$@"; }
fetch() { curl -s -o fetched -w '%{http_code}' "$CERTPOOL_CA$1"; }
# verify ROOT CHAIN CERTIFICATE…: openssl verifies them by that root, with the CRLs of the whole path.
verify() {
	local root=$1 chain=$2
	shift 2
	fetch '/crl?chain' >out && then_openssl verify -x509_strict -crl_check_all -CAfile "$root" ${chain:+-untrusted "$chain"} -CRLfile fetched "$@"
}
# ocsp ROOT ISSUER CERTIFICATE: what openssl says of OCSP's answer.
ocsp() {
	then_openssl ocsp -issuer "$2" -cert "$3" -url "$CERTPOOL_CA/ocsp" -CAfile "$1" 2>&1 |
		sed -n 's/^Response verify OK$/verified/p; s/^Response Verify Failure$/unverified/p; s/^.*\.crt: //p' | paste -sd' '
}
issuer_of() { openssl x509 -in "$1" -noout -issuer -nameopt RFC2253 | sed 's/^issuer=//'; }
crl_issuer() { openssl crl -inform DER -in "$1" -noout -issuer -nameopt RFC2253 | sed 's/^issuer=//'; }
roots_of() { grep -c BEGIN "$1/cert/root.crt"; }
# messages WHEN: from each member of either client to the other, whose receivers run all the time.
messages() {
	local m
	for m in 1 2 3; do
		"$certpool" send client1 client2 "$1" --member $m --endpoint "$inbox2" -q || return
		"$certpool" send client2 client1 "$1" --member $m --endpoint "$inbox1" -q || return
	done
}

check 'init' "$right" init -q
certpool=$PWD/clocked
start_ca
port=${CERTPOOL_CA##*:}
restart() { start serve serve --listen "http://$host:$port" && ca=$server; }
for client in client1 client2; do
	"$certpool" request $client -q && "$certpool" enroll $client -q
done >out 2>err
start_receiver client1 && inbox1=$inbox
start_receiver client2 --online && inbox2=$inbox
check 'messages flow' messages 'day 0'
cp ca/cert/root.crt first.crt
expect 6 'a root that issues by itself has no rotate ca' "$certpool" rotate ca
says 'and which verb it has' 'found one that issues by itself: certpool rotate root gives it a successor'

# --- the second life begins ---
set_day 500
for client in client1 client2; do check "$client renews" "$certpool" renew $client -q; done
expect 0 'status' "$certpool" status
prints 'warns of the end, with that verb' '^  warning: the root ends in 2[0-9]+ days: certpool rotate root$'
equal 'so does /health' 1 "$(curl -s "$CERTPOOL_CA/health" | grep -c 'the root ends in 2[0-9]* days: certpool rotate root"')"
cp client1/cert/cert_key1.crt old.crt && cp client1/cert/cert_key2.crt old2.crt
expect 6 'to finish what was not begun' "$certpool" rotate root --finish
says 'is refused' 'no rotation of the root is under way: certpool rotate root begins one'
expect 0 'rotate root' "$certpool" rotate root
prints 'makes another one' 'serialNumber=2.*, which ends at 20.*, is beside the present root now'
check 'serve has taken it over' eventually grep -q 'issuer 2, .*serialNumber=2.* issues from now on' serve.err
cp ca/cert/root.next.crt second.crt
check 'the present root is that of before' cmp first.crt ca/cert/root.crt
expect 6 'beginning twice' "$certpool" rotate root
says 'is refused' 'a rotation of the root is under way already'
fetch /root.crt >out
check '/root.crt has both' cmp fetched <(cat first.crt second.crt)
fetch /ca.crt >out && cp fetched cross.crt
check '/ca.crt is the new one below the old' verify first.crt '' cross.crt
equal 'the chain has two CRLs' 2 "$(fetch '/crl?chain' >out && grep -c BEGIN fetched)"
fetch /crl >out && equal '/crl is the first one'"'"'s' 'CN=certpool Root CA' "$(crl_issuer fetched)"
fetch /root.crl >out && equal '/root.crl too, as long as it is the root' 'CN=certpool Root CA' "$(crl_issuer fetched)"
fetch /crl/2 >out && equal '/crl/2 the second one'"'"'s' "$(openssl x509 -in second.crt -noout -subject -nameopt RFC2253 | sed 's/subject=//')" "$(crl_issuer fetched)"
expect 0 'status' "$certpool" status
prints 'has the next root' '^  next root .*serialNumber=2.*, clients without it 2$'
prints 'and warns until the end' '^  warning: the root ends in 2[0-9]+ days: certpool rotate root --finish$'
prints 'and both issuers' '^  issuer 2: certificates'
expect 0 'check' "$certpool" check

list() { "$certpool" client list --json | jq -r --arg name "$1" "select(.client==\$name) | .$2"; }
metric() { curl -s "$CERTPOOL_CA/metrics" | sed -n "s/^certpool_issuer_$1{issuer=\"$2\"} //p"; }
equal 'client list says which roots a client has' 'present present' "$(list client1 roots) $(list client2 roots)"
counted() { [ -n "$(metric certificates 2)" ] && [ "$(metric certificates 1)" -ge 12 ]; }
check 'the metrics count the certificates of each issuer' eventually counted
equal 'and have its end' "$(date -ud "$(openssl x509 -in ca/cert/ca.2.crt -noout -enddate | sed 's/.*=//')" +%s)" "$(metric not_after_timestamp_seconds 2)"

# A client that knows one root only takes what the other one issued.
rm client1/cert/cert_key1.crt client1/CSR_file/csr_key1.csr client1/Private/private_key1.key
"$certpool" request client1 -q >out && rm client1/cert/cert_key3.crt
expect 0 'a client enrolls a new key beside an old one' "$certpool" enroll client1
says 'and pins the new root' "pinned the CA's new root .*serialNumber=2"
equal 'beside the old one' 2 "$(roots_of client1)"
equal 'the new root has issued' "$(crl_issuer fetched >/dev/null && openssl x509 -in second.crt -noout -subject -nameopt RFC2253 | sed 's/subject=//')" "$(issuer_of client1/cert/cert_key1.crt)"
equal 'and the old one the old key' 'CN=certpool Root CA' "$(issuer_of client1/cert/cert_key3.crt)"
check 'openssl verifies the new one by the old root' verify first.crt client1/cert/ca.crt client1/cert/cert_key1.crt client1/cert/cert_key2.crt
check 'and by the new root, as it does the old one' verify second.crt client1/cert/ca.crt client1/cert/cert_key1.crt client1/cert/cert_key2.crt
equal 'OCSP of the new one' 'verified good' "$(ocsp second.crt second.crt client1/cert/cert_key1.crt)"
equal 'for who has the old root too' 'verified good' "$(ocsp first.crt cross.crt client1/cert/cert_key1.crt)"
equal 'OCSP of the old one' 'verified good' "$(ocsp first.crt first.crt old2.crt)"
equal 'the other client knows one root' 1 "$(roots_of client2)"
equal 'client list says so' 'both present' "$(list client1 roots) $(list client2 roots)"
expect 0 'for people too' "$certpool" client list
prints 'in a column' '^client1 .* both +- '
check 'messages flow between them' messages 'one root, and two'
printf '  client3: {pool: {size: 1}}\n' >>manifest.yaml
check 'a client that comes now' "$right" init -q
check 'joins' sh -c "'$certpool' request client3 -q && '$certpool' enroll client3 -q"
equal 'and has both' 2 "$(roots_of client3)"
expect 6 'finishing' "$certpool" rotate root --finish
says 'waits for the other one' '1 client has not pinned the new root .*: client2: it does at its next enroll, renew or keep; --without CLIENT'
check 'which keeps its pool' "$certpool" keep client2 -q
equal 'and has both' 2 "$(roots_of client2)"

# --- the second life: the new root alone ---
expect 0 'finishing' "$certpool" rotate root --finish
prints 'makes it the only one' "serialNumber=2.*, is the CA's root now"
check 'here' cmp ca/cert/root.crt second.crt
has_root() { fetch /ca.crt >out && cmp -s fetched second.crt; }
check 'serve has taken it over' eventually has_root
fetch /root.crt >out && check '/root.crt is the new one' cmp fetched second.crt
fetch /root.crl >out && equal '/root.crl is its own' "$(openssl x509 -in second.crt -noout -subject -nameopt RFC2253 | sed 's/subject=//')" "$(crl_issuer fetched)"
expect 0 'crl --root' "$certpool" crl --root --der -o root.crl
equal 'is too' "$(crl_issuer fetched)" "$(crl_issuer root.crl)"
rm client1/cert/cert_key2.crt
expect 0 'a client enrolls' "$certpool" enroll client1
says 'and drops the old root' "client1: dropped the CA's old root CN=certpool Root CA"
check 'for the new one' cmp client1/cert/root.crt second.crt
check 'messages flow between one that has, and one that has not' messages 'two roots, and one'
check 'what the old root issued is below the new one' verify second.crt client1/cert/ca.crt client1/cert/cert_key1.crt client1/cert/cert_key2.crt
equal 'OCSP agrees' 'verified good' "$(ocsp second.crt first.crt old2.crt)"
check 'the other client renews' "$certpool" renew client2 --all -q
check 'and has the new root' cmp client2/cert/root.crt second.crt
check 'messages flow' messages 'one root'
check 'an old certificate is revoked' "$certpool" revoke old2.crt -q
equal 'OCSP says so' 'verified revoked' "$(ocsp second.crt first.crt old2.crt)"
revoked() { ! verify second.crt client1/cert/ca.crt old2.crt; }
check 'and the CRL of the old root' eventually revoked
expect 0 'check' "$certpool" check
expect 0 'status' "$certpool" status
prints 'has the end of the old one'"'"'s service' '^  issuer 1: certificates [0-9]+, valid [1-9]; CRL and OCSP until'

# Backup and restore.
(umask 077 && echo backup >pass)
expect 0 'a backup' "$certpool" backup ca.tar --passphrase-file pass
mkdir -p restored/ca/state && chmod 700 restored/ca/state
cp manifest.yaml restored/
expect 0 'is restored' "$certpool" restore ca.tar --passphrase-file pass -m restored/manifest.yaml
check 'with both keys' sh -c 'cmp ca/Private/ca.key restored/ca/Private/ca.key && cmp ca/Private/ca.2.key restored/ca/Private/ca.2.key'
check 'and is whole' "$certpool" check -m restored/manifest.yaml

# --- the third life, each act killed at each step; again it is completed. catalogue 76 ---
set_day 1100
for client in client1 client2; do check "$client renews" "$certpool" renew $client --all -q; done
check 'messages flow' messages 'day 1100'
equal 'nothing of the first root is valid: its CRL has ended' 404 "$(fetch /crl)"
stop "$ca"
# kill_each CHECK OPTION…: rotate root, killed at calls that change the disk, and again, after which CHECK must hold. Of
# each kind some: a killed one costs seven further processes.
kill_each() {
	local call step sound=$1
	shift
	kills=0 completed=0 kinds=
	cp -a ca ca.kept
	for call in linkat renameat renameat2 unlinkat; do
		for step in 1 2 4 8; do
			rm -rf ca && cp -a ca.kept ca
			ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "inject=$call:signal=KILL:when=$step" \
				"$certpool" rotate root "$@" >out 2>err && break
			kills=$((kills + 1))
			[ $step != 1 ] || kinds="$kinds $call"
			# Killed after its last step it is as good as done, and says so.
			"$certpool" rotate root "$@" >out 2>err || grep -q 'under way' err || break
			if $sound; then completed=$((completed + 1)); else tail -n 3 err; fi
		done
	done
	rm -rf ca.kept
}
begun() {
	"$certpool" crl --chain -q -o chain.pem && then_openssl verify -x509_strict -CAfile second.crt ca/cert/ca.3.crt &&
		then_openssl verify -x509_strict -CAfile second.crt -untrusted ca/cert/ca.3.crt client1/cert/cert_key1.crt &&
		cmp second.crt ca/cert/root.crt && [ "$(grep -c BEGIN ca/cert/root.next.crt)" = 1 ] && [ ! -e ca/cert/ca.4.crt ] &&
		"$certpool" audit list --json | grep -q 'beside the present one: .*serialNumber=3' && "$certpool" check
} >begun.log 2>&1
kill_each begun
equal 'beginning, killed at any step, is completed' "$kills" "$completed"
check 'there were steps of each kind' expr "$kinds" : ' linkat renameat.* unlinkat'
cp ca/cert/root.next.crt third.crt
restart
for client in client1 client2; do "$certpool" enroll $client -q; done >out 2>err
stop "$ca"
finished() {
	cmp ca/cert/root.crt third.crt && cmp ca/cert/ca.3.crt third.crt && [ ! -e ca/cert/root.next.crt ] &&
		then_openssl verify -x509_strict -CAfile third.crt ca/cert/ca.2.crt && "$certpool" check
} >finished.log 2>&1
kill_each finished --finish --without client3
equal 'finishing, killed at any step, is completed' "$kills" "$completed"
check 'there were steps of each kind' expr "$kinds" : ' linkat renameat.* unlinkat'
restart
for client in client1 client2; do
	expect 0 "$client goes on" "$certpool" enroll $client
	check 'with the third root alone' cmp $client/cert/root.crt third.crt
done
check 'messages of the second root flow' messages 'third root'
check 'openssl verifies them by the third' verify third.crt client1/cert/ca.crt client1/cert/cert_key?.crt
check 'the third issues' "$certpool" renew client1 --all -q
check 'below itself' verify third.crt '' client1/cert/cert_key1.crt
check 'messages of both flow' messages 'both'
expect 0 'the audit log' "$certpool" audit verify

# What the stolen key of an old root could certify is refused once its certificate by the new one is revoked.
mkdir own && manifest 1 1 >own/manifest.yaml
"$right" init ca -q -m own/manifest.yaml >out 2>err
for act in '' --finish; do "$right" rotate root $act -q -m own/manifest.yaml; done >out 2>err
cross() { "$right" crl --chain -m own/manifest.yaml -o own.pem && openssl verify -crl_check_all -CAfile own/ca/cert/root.crt -CRLfile own.pem own/ca/cert/ca.crt; }
check 'an old root is below the new one' cross
expect 4 'its certificate by the new one' "$right" revoke ./own/ca/cert/ca.crt --yes -m own/manifest.yaml
says 'is revoked by the command that is named' 'certpool revoke [0-9a-f]{40} --unrecorded$'
expect 0 'which does it' "$right" revoke "$(sed -n 's/.*certpool revoke \([0-9a-f]*\) --unrecorded$/\1/p' err)" --unrecorded -m own/manifest.yaml
check_not 'on the CRL of the new root' cross
