#!/usr/bin/env bash
# A rotation of the CA's certificate that is killed at any moment, and keys under a passphrase. catalogue 76
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
quick_passphrases

# The shell's report of every killed process. Failed checks are on standard output.
exec 2>killed

echo a-passphrase-of-the-keys >pass && chmod 600 pass
manifest 2 2 | sed 's|layout: ca,|layout: ca, root_layout: stick, passphrase_file: pass,|' >manifest.yaml
check 'init' "$certpool" init -q
start_ca
check 'keys' "$certpool" request client1 -q
check 'certificates' "$certpool" enroll client1 -q
cp -a ca before && cp -a stick before.stick
issuer_of() { openssl x509 -in "$1" -noout -issuer -nameopt RFC2253 | sed 's/^issuer=//'; }

# --- keys under a passphrase ---
echo another >wrong && chmod 600 wrong
expect 6 'a wrong passphrase rotates nothing' "$certpool" rotate ca --passphrase-file wrong
equal 'and makes no key' 'ca.key' "$(cd ca/Private && echo ca*)"
check 'the right one does' "$certpool" rotate ca
check 'the root has it in its log of signatures' grep -q " authority $(openssl x509 -in ca/cert/ca.2.crt -noout -serial | cut -d= -f2 | tr A-F a-f) " stick/state/signed.log
check 'the new key is under it too' grep -q 'BEGIN ENCRYPTED PRIVATE KEY' ca/Private/ca.2.key
check 'a server that runs takes it over' eventually grep -q 'issuer 2, .* issues from now on' serve.err
check 'other keys' "$certpool" request client2 -q
check 'and signs with it' "$certpool" enroll client2 -q
equal 'the newest issuer' 'CN=certpool Issuing CA,serialNumber=2' "$(issuer_of client2/cert/cert_key1.crt)"
stop "$ca"

# --- killed at each call that changes something, and run again ---
kills=0 completed=0 bare=0
for step in {1..200}; do
	rm -rf ca stick && cp -a before ca && cp -a before.stick stick
	status=0
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace \
		-e "inject=pwrite64,fsync,fdatasync,renameat2,linkat:signal=KILL:when=$step" \
		"$certpool" rotate ca >out 2>err || status=$?
	[ $status -eq 137 ] || break
	kills=$((kills + 1))
	# Whatever it left, the CA works as it is; the new issuer may lack its first CRL, and check says so.
	"$certpool" check -q >out 2>err || [ "$(grep -vc 'ca.2.crl: not current: none was made yet' out)" -eq 0 ] ||
		bare=$((bare + 1))
	"$certpool" rotate ca --json >out 2>err
	# It had recorded its issuer already, and does not begin another.
	[ "$(jq -r .issuer out)" = 2 ] || grep -q 'issuer 2, .* nothing has changed' err || continue
	[ "$(cd ca/cert && echo ca.*.crt)" = 'ca.2.crt' ] || continue
	"$certpool" crl -q -o one.crl --issuer 2 >out 2>err || continue
	"$certpool" check -q >out 2>err || continue
	completed=$((completed + 1))
done
check 'rotate was killed' test $kills -gt 8
equal 'and completed by the next' "$kills" "$completed"
equal 'with a CA that is whole in between' 0 "$bare"

# --- begun by two at once, beside other verbs ---
rm -rf ca stick && cp -a before ca && cp -a before.stick stick
start_ca
for i in 1 2; do "$certpool" rotate ca >two.$i 2>&1 & rotations[i]=$!; done
for i in 1 2 3 4 5; do "$certpool" crl -q -o some.crl && "$certpool" list -q; done >out 2>err
won=0
for i in 1 2; do wait "${rotations[i]}" && won=$((won + 1)); done
equal 'of two rotations one is made' 1 "$won"
check 'the other one is told' grep -q 'less than an hour ago' two.1 two.2
equal 'so that there are two issuers' 'ca.2.crt' "$(cd ca/cert && echo ca.*.crt)"
check 'the server has the second' eventually grep -q 'issuer 2, .* issues from now on' serve.err
check 'and the record is whole' "$certpool" check
expect 0 '--again makes another all the same' "$certpool" rotate ca --again
prints 'the third' '^issuer 3, '

# --- a rotation of the root afterwards certifies all of them again ---
check 'the server has the third' eventually grep -q 'issuer 3, .* issues from now on' serve.err
stop "$ca"
check 'rotate root' "$certpool" rotate root
check 'finish' "$certpool" rotate root --finish --without client1 --without client2
for each in ca.crt ca.2.crt ca.3.crt; do
	check "$each is by the new root" openssl verify -CAfile ca/cert/root.crt "ca/cert/$each"
done
check 'the CRL of each is made, and there are those of both roots' sh -c "'$certpool' crl --chain -q -o all.pem && test \$(grep -c BEGIN all.pem) -eq 5"
check 'and all is whole' "$certpool" check
