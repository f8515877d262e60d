#!/usr/bin/env bash
# The CA's root is replaced, while clients renew and send messages: two lives of a root.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

right=$certpool
clocked clocked "$PWD/clock"
certpool=$PWD/clocked
days=0
day() { days=$1 && move_clock "$folder/clock" "$1d"; }

# openssl at that day: verify ROOT UNTRUSTED CERTIFICATE.
verify() {
	openssl verify -attime $(($(date +%s) + days * 86400)) -x509_strict -CAfile "$1" ${2:+-untrusted "$2"} "$3"
}
verify_crl() {
	openssl verify -attime $(($(date +%s) + days * 86400)) -crl_check_all -CRLfile chain.pem -CAfile "$1" -untrusted "$2" "$3"
}
# verify_chain ROOT CERTIFICATE…: as nginx and PostgreSQL do, with a CRL of each CA of the path, as the CA serves them.
verify_chain() {
	local root=$1
	shift
	curl -s "$CERTPOOL_CA/crl?chain" -o chain.pem
	cat path.pem ca/cert/cross.crt >above.pem
	verify_crl "$root" above.pem "$@"
}
tag() { curl -sI "$CERTPOOL_CA$1" | sed -n 's/^ETag: //p' | tr -d '\r'; }
roots_of() { grep -c BEGIN "$1/cert/root.crt"; }
restart() {
	stop "$ca"
	start_ca
}
# A receiver holds the roots that it started with. messages WHEN: both ways between client1 and client2.
messages() {
	start_receiver client2
	expect 0 "client1 sends to client2, $1" "$certpool" send client1 client2 --endpoint "$inbox" bonjour
	stop "$receiver"
	start_receiver client1
	expect 0 "client2 sends to client1, $1" "$certpool" send client2 client1 --endpoint "$inbox" bonjour
	stop "$receiver"
}

# A root for two years; certificates for 90 days.
manifest 3 3 | sed 's|client1: {|client1: {endpoint: "http://127.0.0.1:0", |; s|layout: ca,|layout: ca, root_layout: stick, validity: 730d, intermediate: {validity: 730d}, root_crl: {validity: 800d},|' >manifest.yaml
printf '  client3: {pool: {size: 1}}\n' >>manifest.yaml
"$certpool" init -q >out 2>err
for client in client1 client2 client3; do "$certpool" request $client -q >out; done
start_ca
for client in client1 client2 client3; do "$certpool" enroll $client -q >out; done
cp stick/cert/root.crt first.crt

# Refusals before anything has changed.
expect 6 'to finish what was not begun' "$certpool" rotate root --finish
says 'is refused' 'no rotation of the root is under way: certpool rotate root begins one'
expect 2 'without --finish' "$certpool" rotate root --without client1
says 'nobody is left out' '--without: expected with --finish'
mv stick safe
expect 4 'without the layout of the root' "$certpool" rotate root
says 'nothing is made' 'expected the layout of the root, whose key has to sign'
cp -a safe stick
sed 's|layout: ca, root_layout: stick|layout: other, root_layout: otherstick|' manifest.yaml >other.yaml
"$right" init ca -q -m other.yaml >out 2>err
cp otherstick/cert/root.crt other.crt
mv stick kept && mv otherstick stick
expect 6 'the layout of another root' "$certpool" rotate root
says 'is not taken' 'are two roots'
rm -rf stick && mv kept stick && rm -rf safe
mv stick/Private/root.key key
expect 4 'a root without its key' "$certpool" rotate root
mv key stick/Private/root.key
equal 'nothing has changed' 'root.crl root.crt' "$(echo stick/cert/* | sed 's|stick/cert/||g')"

# The first act.
day 500
restart
for client in client1 client2 client3; do "$certpool" renew $client -q >out; done
# Who answers under the shared key, and has no root's key, plants no root.
cp other.crt ca/cert/root.next.crt
expect 3 'a root that no pinned one certifies' "$certpool" enroll client1
says 'is not pinned' 'expected that one of the pinned roots has certified it, found none'
cp other.crt ca/cert/root.crt && rm ca/cert/root.next.crt
expect 3 'nor does it take the place' "$certpool" enroll client1
says 'of the one that is' 'the CA names another root, CN=certpool Root CA'
check 'which is pinned as before' cmp client1/cert/root.crt first.crt
cp first.crt ca/cert/root.crt
root_tag=$(tag /root.crl) chain_tag=$(tag '/crl?chain')
expect 0 'rotate root' "$certpool" rotate root
prints 'beside the present one' '^(serialNumber=2,CN=certpool Root CA|CN=certpool Root CA,serialNumber=2), which ends at 20.*, is beside the present root now$'
says 'and what comes next is said' 'certpool rotate root --finish'
expect 6 'beginning twice' "$certpool" rotate root
says 'is refused' 'a rotation of the root is under way already, to .*serialNumber=2'
check 'the present root is that of before' cmp first.crt ca/cert/root.crt
cp stick/cert/root.next.crt second.crt
csplit -z -s -f cross- ca/cert/cross.crt '/BEGIN/' '{*}'
check 'openssl verifies the new root by the old one' verify first.crt "" cross-00
check 'and the old root by the new one' verify second.crt "" cross-01
curl -s "$CERTPOOL_CA/root.crt" >both.crt
check '/root.crt has both' cmp both.crt <(cat first.crt second.crt)
cp ca/cert/ca.crt path.pem
check 'who holds the old root has a CRL of every CA' verify_chain first.crt client1/cert/cert_key1.crt
check 'and who holds the new one, by way of the old one' verify_chain second.crt client1/cert/cert_key1.crt
expect 0 'crl --chain' "$certpool" crl --chain -o file.pem
check 'is the same' cmp file.pem chain.pem
check_not 'whose tag is another than before' test "$(tag '/crl?chain')" = "$chain_tag"
rm stick/cert/root.next.crl
expect 0 'crl --root' "$certpool" crl --root -q
check 'makes good the CRL of the new root' cmp stick/cert/root.next.crl ca/cert/root.next.crl

# Clients learn of it.
expect 0 'a client that renews' "$certpool" renew client1 --all
says 'pins the new root' "^certpool renew: client1: pinned the CA's new root .*serialNumber=2"
check 'beside the old one' cmp client1/cert/root.crt both.crt
check 'openssl verifies its certificates' verify client1/cert/root.crt client1/cert/ca.crt client1/cert/cert_key1.crt
equal 'another one has not yet' 1 "$(roots_of client2)"
messages 'of which one has both roots'
expect 6 'finishing' "$certpool" rotate root --finish
says 'is refused' '2 clients have not pinned the new root .*: client2, client3: they do at their next enroll, renew or keep; --without CLIENT'
expect 0 'status' "$certpool" status
prints 'counts them' '^  next root .*serialNumber=2.*, clients without it 2$'
prints 'and warns until the end' '^  warning: the root ends in 2[0-9]+ days: certpool rotate root --finish$'
expect 0 'a backup meanwhile' "$certpool" backup meanwhile.tar --without-keys
check 'has the CRL of the next root' cmp ca/cert/root.next.crl <(tar -xOf meanwhile.tar cert/root.next.crl)
expect 4 'without a client that there is not' "$certpool" rotate root --finish --without client9
says 'is refused' '--without client9: expected a client of this CA, found none'
rm client2/cert/cert_key1.crt
expect 0 'a client that enrolls' "$certpool" enroll client2
says 'pins it too' 'pinned the CA.s new root'
messages 'which both have both roots'
expect 0 'once more' "$certpool" enroll client2
check_not 'pins nothing' grep pinned err
expect 6 'finishing' "$certpool" rotate root --finish
says 'waits for the last' '1 client has not pinned .*: client3: it does at its next'
mv stick safe
expect 4 'without the layout of the root' "$certpool" rotate root --finish --without client3
mv safe stick

# A finish that is cut short once the next root has certified the CA, in a copy of both layouts.
mkdir cut && cp -a ca stick manifest.yaml cut/
ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e inject=renameat,renameat2,rename:signal=KILL:when=3 "$certpool" \
	rotate root --finish --without client3 -m cut/manifest.yaml >out 2>err
check 'the CA is below the next root' verify second.crt "" cut/ca/cert/ca.crt
check 'which is not its root yet' cmp first.crt cut/ca/cert/root.crt
expect 6 'its certificate cannot be revoked' "$certpool" revoke ./cut/ca/cert/ca.crt --yes -m cut/manifest.yaml
says 'before the finish' 'CN=certpool Issuing CA: the next root has issued it, and is not the CA.s root yet: run certpool rotate root --finish first$'
rm -rf cut

# The second act, without client3.
expect 0 'finishing without the last' "$certpool" rotate root --finish --without client3
prints 'makes the new root the only one' "serialNumber=2.*, is the CA's root now"
check 'here' cmp ca/cert/root.crt second.crt
check 'and in its own layout' cmp stick/cert/root.crt second.crt
check 'openssl verifies the CA by it' verify second.crt "" ca/cert/ca.crt
check 'and what the CA issued before' verify second.crt ca/cert/ca.crt client1/cert/cert_key1.crt
expect 6 'once more' "$certpool" rotate root --finish
says 'there is nothing to finish' 'no rotation of the root is under way'
# The serving CA takes it over.
served() { curl -s "$CERTPOOL_CA/ca.crt" | cmp -s - ca/cert/ca.crt; }
check 'a CA that serves takes it over' eventually served
check '/root.crt is the new root' cmp <(curl -s "$CERTPOOL_CA/root.crt") second.crt
check '/ca.crt is by it' verify second.crt "" <(curl -s "$CERTPOOL_CA/ca.crt")
check '/root.crl too' sh -c "curl -s '$CERTPOOL_CA/root.crl' | openssl crl -inform DER -CAfile second.crt -noout"
check_not 'which is another one for who has the old' test "$(curl -s "$CERTPOOL_CA/root.crl" -o /dev/null -w '%{http_code}' -H "If-None-Match: $root_tag")" = 304
check 'who holds the new root has a CRL of every CA, for the path of before' verify_chain second.crt client1/cert/cert_key1.crt
cp ca/cert/ca.crt path.pem
check 'and that of now' verify_chain second.crt client1/cert/cert_key1.crt
check 'and who holds the old one still' verify_chain first.crt client1/cert/cert_key1.crt
crl_number() { openssl crl -inform DER -in "$1" -noout -crlnumber | sed 's/.*=0x//; s/.*=//'; }
before=$(crl_number stick/cert/root.old.crl)
expect 0 'crl --root' "$certpool" crl --root --renew -q
equal 'makes another CRL of the old root, too' $((16#$before + 1)) $((16#$(crl_number stick/cert/root.old.crl)))
check 'for the CA as well' cmp stick/cert/root.old.crl ca/cert/root.old.crl
check 'signed by the old root' openssl crl -inform DER -in ca/cert/root.old.crl -CAfile first.crt -noout
check 'who holds it verifies with that' verify_chain first.crt client1/cert/cert_key1.crt
check_not 'the next root has become the root' test -e ca/cert/root.next.crl -o -e stick/cert/root.next.crl
rm client1/cert/cert_key2.crt
expect 0 'a client enrolls at the CA that was not started again' "$certpool" enroll client1
says 'and drops the old root' "client1: dropped the CA's old root CN=certpool Root CA"
check 'for the new one' cmp client1/cert/root.crt second.crt
check 'openssl verifies it by that alone' verify client1/cert/root.crt client1/cert/ca.crt client1/cert/cert_key2.crt
messages 'of which one has dropped the old root'
expect 0 'health is well' curl -sf "$CERTPOOL_CA/health"
expect 0 'check' "$certpool" check
expect 0 'the other one drops the old root' "$certpool" renew client2 --all
says 'as it says' 'dropped'
messages 'which have the new root alone'
expect 0 'the CRLs of the CA' "$certpool" crl --chain -o chain.pem
check 'openssl verifies with them' verify_crl second.crt ca/cert/ca.crt client2/cert/cert_key1.crt
# The lost client is there again: the old root, which it has, certified the new one.
rm client3/cert/cert_key1.crt
expect 0 'the lost client enrolls' "$certpool" enroll client3
says 'and pins the new root' "pinned the CA's new root"
check 'alone' cmp client3/cert/root.crt second.crt

# Backup and restore.
(umask 077 && echo backup >pass)
expect 0 'a backup' "$certpool" backup ca.tar --passphrase-file pass
mv ca away
expect 0 'is restored' "$certpool" restore ca.tar --passphrase-file pass
check 'with the new root' cmp ca/cert/root.crt second.crt
check 'and the cross certificates' cmp ca/cert/cross.crt away/cert/cross.crt
check 'and the CRL of the old root' cmp ca/cert/root.old.crl away/cert/root.old.crl
check 'whose certificate is there, too' cmp ca/cert/root.old.crt away/cert/root.old.crt
rm -rf away

# The next life of a root, with each act killed at each step; again it is completed. catalogue 76
day 1100
"$certpool" crl --root -q >out
restart
for client in client1 client2; do "$certpool" renew $client -q >out; done
stop "$ca"
# Between two roots the CA itself gets another certificate: both are certified again.
expect 0 'rotate ca' "$certpool" rotate ca
end_of() { openssl x509 -in "$1" -noout -enddate; }
first_end=$(end_of ca/cert/ca.crt)
# kill_each CHECK OPTION…: rotate root, killed at each call that changes the disk, and again, after which CHECK must hold.
kill_each() {
	local call step sound=$1
	shift
	kills=0 completed=0
	cp -a ca ca.kept && cp -a stick stick.kept
	for call in linkat renameat renameat2 unlinkat fsync; do
		for step in 1 2 3 4 5 6 7 8 9 10; do
			rm -rf ca stick && cp -a ca.kept ca && cp -a stick.kept stick
			ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "inject=$call:signal=KILL:when=$step" \
				"$certpool" rotate root "$@" >out 2>err && break
			kills=$((kills + 1))
			# Killed after its last step it is as good as done, and says so.
			"$certpool" rotate root "$@" >out 2>err || grep -q 'under way' err || break
			if $sound; then completed=$((completed + 1)); else tail -n 3 err; fi
		done
	done
	rm -rf ca.kept stick.kept
}
begun() {
	openssl verify -attime $(($(date +%s) + days * 86400)) -x509_strict -CAfile stick/cert/root.crt ca/cert/root.next.crt ||
		verify ca/cert/root.next.crt "" ca/cert/root.next.crt
	cmp stick/cert/root.next.crt ca/cert/root.next.crt && cmp stick/cert/cross.crt ca/cert/cross.crt &&
		cmp second.crt ca/cert/root.crt && [ -s stick/Private/root.next.key ] &&
		"$certpool" audit list --json | grep 'beside the present one: .*serialNumber=3'
} >begun.log 2>&1
kill_each begun
equal 'beginning, killed at any step, is completed' "$kills" "$completed"
check 'there were steps to be killed at' test "$kills" -gt 8
cp ca/cert/root.next.crt third.crt
expect 0 'the new root has the next number' openssl x509 -in third.crt -noout -subject
prints 'in its name' 'serialNumber ?= ?3'
start_ca
for client in client1 client2; do "$certpool" enroll $client -q >out; done
stop "$ca"
finished() {
	cmp ca/cert/root.crt third.crt && cmp stick/cert/root.crt third.crt && verify third.crt "" ca/cert/ca.crt &&
		verify third.crt "" ca/cert/ca.2.crt && [ "$(end_of ca/cert/ca.crt)" = "$first_end" ] &&
		[ ! -e ca/cert/root.next.crt ] && [ ! -e stick/cert/root.next.crt ] && [ ! -e stick/Private/root.next.key ] &&
		cmp stick/cert/root.crl ca/cert/root.crl && [ ! -e ca/cert/root.next.crl ] && [ ! -e stick/cert/root.next.crl ] &&
		"$certpool" check
} >finished.log 2>&1
kill_each finished --finish --without client3
equal 'finishing, killed at any step, is completed' "$kills" "$completed"
check 'there were steps to be killed at' test "$kills" -gt 8
start_ca
for client in client1 client2; do
	expect 0 "$client goes on" "$certpool" enroll $client
	check 'with the third root alone' cmp $client/cert/root.crt third.crt
done
messages 'under the third root'
"$certpool" renew client1 --all -q >out
check 'the second issuer issues below it' verify third.crt ca/cert/ca.2.crt client1/cert/cert_key1.crt
messages 'of both issuers'
expect 0 'status' "$certpool" status
prints 'has the end of the certificate that issues' "$(date -ud "$(end_of ca/cert/ca.2.crt | sed 's/.*=//')" +%Y-%m-%dT%H:%M:%SZ)"
check 'openssl verifies the members of the first by it' verify third.crt ca/cert/ca.crt client2/cert/cert_key1.crt

# The key of a CA's certificate that the old root has revoked is not certified anew by the new root.
again() {
	stop "$ca"
	rm -rf ca client? stick
	"$certpool" init -q >out 2>err && "$certpool" request client1 -q >out 2>err && start_ca
	"$certpool" enroll client1 -q
}
check 'a CA whose key was stolen' again
cp client1/cert/cert_key1.crt stolen.crt
expect 0 'revokes its certificate' "$certpool" revoke ./ca/cert/ca.crt --yes -q --reason cACompromise
expect 0 'and rotates its root' "$certpool" rotate root
cp ca/cert/ca.crt kept.crt
expect 6 'finishing' "$certpool" rotate root --finish --without client1
says 'wants another CA first' 'CN=.* was revoked by its root, and the new root would certify its key again: run certpool rotate ca first'
check 'and changes nothing' cmp ca/cert/ca.crt kept.crt
check 'the root is the old one' test -e stick/Private/root.next.key
expect 0 'rotate ca, as it says' "$certpool" rotate ca
expect 0 'finishing then' "$certpool" rotate root --finish --without client1
later() { openssl verify -attime $(($(date +%s) + days * 86400 + 60)) -x509_strict -CAfile ca/cert/root.crt ${2:+-untrusted "$2"} "$1"; }
check 'the new one is valid below the new root' later ca/cert/ca.2.crt
check_not 'the revoked one is not' later ca/cert/ca.crt
check_not 'nor is what it issued' later stolen.crt ca/cert/ca.crt
csplit -z -s -f cross- ca/cert/cross.crt '/BEGIN/' '{*}'
check 'by way of the old root it still is' later stolen.crt <(cat kept.crt cross-01)
expect 0 'until that is revoked' "$certpool" revoke ./cross-01 --yes -q
openssl crl -inform DER -in ca/cert/root.crl -noout -text >out
prints 'on the CRL of the new root' "Serial Number: $(openssl x509 -in cross-01 -noout -serial | sed 's/.*=//')"
restart
expect 0 'health is well' curl -sf "$CERTPOOL_CA/health"
expect 0 'check' "$certpool" check
expect 0 'its client enrolls' "$certpool" renew client1 --all -q
check 'below the new one' later client1/cert/cert_key1.crt ca/cert/ca.2.crt

# What has ended is replaced by the verb that the refusal names.
stop "$ca"
rm -rf ca client? stick
sed -i 's|validity: 730d, intermediate: {validity: 730d}|validity: 60d, certificates: {validity: 10d}, intermediate: {validity: 30d}|' manifest.yaml
day 0
"$certpool" init ca -q >out 2>err
day 31
expect 6 'a CA whose certificate has ended' "$certpool" serve
says 'is to get another one' 'the CA.s certificate expired at .*: certpool rotate ca makes another one$'
expect 1 'check' "$certpool" check
prints 'says so, too' 'CN=certpool Issuing CA: expected it to be valid now, .*; else run certpool rotate ca$' out
expect 0 'which it does' "$certpool" rotate ca
start_ca && stop "$ca"
expect 0 'a new root' "$certpool" rotate root
day 62
expect 6 'a root that has ended before --finish' "$certpool" serve
says 'is to be finished' 'the CA.s root expired at .*: certpool rotate root --finish, if a rotation of the root is under way'
expect 0 'which helps' "$certpool" rotate root --finish
start_ca
expect 0 'health is well' curl -sf "$CERTPOOL_CA/health"
