#!/usr/bin/env bash
# Part 1 without a network: enroll --export, sign, enroll --import; folders of requests.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# ca, and client1 and client2 with pools of their own. No server runs.
manifest 5 3 | sed 's/client1: {/&policy: {certificates: 1000}, /; s/size: 5/&, batch_size: 2/' >manifest.yaml
"$certpool" init -q >out
expect 4 'export before request' "$certpool" enroll client1 --export early.jwe
check_not 'writes no file' test -e early.jwe
"$certpool" request client1 -q >out && "$certpool" request client2 -q >out

expect 2 'both at once' "$certpool" enroll client1 --export a --import b
expect 0 'export' "$certpool" enroll client1 --export requests.jwe
prints 'says how many' '^client1: exported 5 requests; 0 had their certificates$'
equal 'as JWEs, one a line' '3 3' "$(wc -l <requests.jwe) $(grep -cE '^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){4}$' requests.jwe)"
equal 'which are remembered' 3 "$(wc -l <client1/state/exported)"
equal 'with their members' '1-2 3-4 5' "$(cut -d' ' -f4 client1/state/exported | paste -sd' ')"
equal 'for their owner alone' 600 "$(mode client1/state/exported)"
expect 6 'export over a file that is there' "$certpool" enroll client1 --export requests.jwe
expect 0 'a second export' "$certpool" enroll client1 --export again.jwe --json
equal 'exports the same' '{"client":"client1","exported":5,"present":0,"refused":0}' "$(cat out)"
equal 'and is remembered too' 6 "$(wc -l <client1/state/exported)"

# The CA's side.
expect 4 'sign a file that is not there' "$certpool" sign nothing.jwe
expect 0 'sign' "$certpool" sign requests.jwe
prints 'says what it did' '^requests\.jwe: certified 5 requests; 0 were certified before; 0 refused$'
equal 'the record has them' 5 "$(rows)"
expect 6 'sign again, where the answer is' "$certpool" sign requests.jwe
says 'overwrites nothing' 'requests\.jwe\.answer.*exists already'
# catalogue 61: the same file again
expect 0 'sign again, elsewhere' "$certpool" sign requests.jwe -o second.answer
expect 0 'sign the second export' "$certpool" sign again.jwe --json
equal 'it says so in JSON' '{"path":"again.jwe","certified":5,"present":0,"refused":0}' "$(cat out)"
equal 'nothing is certified twice' 5 "$(rows)"
expect 0 'sign as a filter' sh -c "'$certpool' sign - <requests.jwe >filter.answer"
equal 'three answers' 3 "$(wc -l <filter.answer)"

# catalogue 65, 66: an answer to other requests than the exported ones is refused; nothing is written
nothing_written() { check "$1: nothing is written" test "$(count_files client1/cert 'cert_key*')" -eq 0; }
expect 3 'the answer of another client' sh -c "
	'$certpool' enroll client2 --export other.jwe -q >/dev/null && '$certpool' sign other.jwe -q >/dev/null &&
	'$certpool' enroll client1 --import other.jwe.answer"
says 'cannot be decrypted' 'other\.jwe\.answer: no answer can be decrypted: .*for other clients, .*: run certpool enroll client1 --export again$'
nothing_written 'the answer of another client'
# Whatever the character is: x becomes y, and any other becomes x.
sed -n '2{s/\(.\{2000\}\)x/\1y/;t changed;s/\(.\{2000\}\)./\1x/;:changed;p}' requests.jwe.answer >tampered.answer
check_not 'a tampered answer is another' cmp -s <(sed -n 2p requests.jwe.answer) tampered.answer
expect 3 'a tampered answer' "$certpool" enroll client1 --import tampered.answer
nothing_written 'a tampered answer'
expect 3 'the requests themselves' "$certpool" enroll client1 --import requests.jwe
says 'are no answer' 'typ'
expect 1 'an empty file' sh -c ": >empty && '$certpool' enroll client1 --import empty"
expect 3 'text' sh -c "echo hello >text && '$certpool' enroll client1 --import text"
cp -a client1 elsewhere
sed 's/client1: {/&layout: elsewhere, /' manifest.yaml >elsewhere.yaml
"$certpool" enroll client1 -m elsewhere.yaml --export elsewhere.jwe -q >out
"$certpool" sign elsewhere.jwe -q >out
expect 3 'the answer to another pool of that name' "$certpool" enroll client1 --import elsewhere.jwe.answer
says 'is not to what was exported here' 'not the answer to a request that was exported from here'
nothing_written 'the answer to another pool'
cp -p client1/state/exported kept
sed -i 's/ [0-9a-f]\{64\} / 0000000000000000000000000000000000000000000000000000000000000000 /' client1/state/exported
expect 3 'an answer to other octets than were exported' "$certpool" enroll client1 --import requests.jwe.answer
says 'says so' 'request_sha256'
cp -p kept client1/state/exported
echo nonsense >>client1/state/exported
expect 1 'a state/exported that cannot be read' "$certpool" enroll client1 --import requests.jwe.answer
says 'names file and line' 'state/exported: line 7'
cp -p kept client1/state/exported
cp -p client1/CSR_file/csr_key4.csr mine.csr
cp -p client2/CSR_file/csr_key1.csr client1/CSR_file/csr_key4.csr
expect 3 'an answer for a request that is another by now' "$certpool" enroll client1 --import requests.jwe.answer
says 'is for another key' 'member "key4": the certificate is for another key'
equal 'the answers before it are saved' 2 "$(count_files client1/cert 'cert_key*')"
cp -p mine.csr client1/CSR_file/csr_key4.csr

expect 0 'import' "$certpool" enroll client1 --import requests.jwe.answer
prints 'goes on where it was' '^client1: saved 3 certificates; 2 were there; 0 refused$'
for i in 1 2 3 4 5; do
	check "openssl verifies certificate $i" openssl verify -x509_strict -CAfile client1/cert/root.crt client1/cert/cert_key$i.crt
done
equal 'what was answered is forgotten' 3 "$(wc -l <client1/state/exported)"
sha256sum client1/cert/* >before
# catalogue 76: an import that is killed after its last step is the same as one that was not
expect 0 'import again' "$certpool" enroll client1 --import requests.jwe.answer
prints 'says that all is there' '^client1: saved 0 certificates; 5 were there; 0 refused$'
mv client1/cert/cert_key2.crt kept.crt
expect 3 'import again when a certificate is gone' "$certpool" enroll client1 --import requests.jwe.answer
says 'says that it was imported' 'was imported before'
mv kept.crt client1/cert/cert_key2.crt
expect 0 'the answer to the second export' "$certpool" enroll client1 --import again.jwe.answer --json
equal 'brings nothing new' '{"client":"client1","saved":0,"present":5,"refused":0,"cut_short":0}' "$(cat out)"
check 'and changes nothing' sha256sum --quiet -c before
expect 0 'export when nothing is missing' "$certpool" enroll client1 --export nothing.jwe
prints 'says so' 'exported 0 requests; 5 had their certificates'
check_not 'and writes no file' test -e nothing.jwe
expect 0 'the pool can sign' "$certpool" send client1 client2 --output message.jwe x

# A member whose request the policy does not allow: the answer contains the refusal.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout foreign.key -subj /CN=root \
	-out client2/CSR_file/csr_key2.csr 2>openssl.log
expect 0 'export of a pool with a request that will be refused' "$certpool" enroll client2 --export - -q
mv out mixed.jwe
expect 5 'sign' "$certpool" sign mixed.jwe
says 'tells the refusal' 'client2: key2: refused \(policy\)'
expect 5 'import' "$certpool" enroll client2 --import mixed.jwe.answer
says 'tells it too' 'client2: member 2: refused \(policy\)'
equal 'the others are saved' 2 "$(count_files client2/cert 'cert_key*')"

# catalogue 63: offline requests that are old, and too old
mkdir slow
manifest 2 1 >slow/manifest.yaml
"$certpool" init -q -m slow/manifest.yaml >out && "$certpool" request client1 -q -m slow/manifest.yaml >out
"$certpool" enroll client1 --export slow.jwe -q -m slow/manifest.yaml >out
expect 0 'a request of 80 days ago' under_clock +80d "$certpool" sign slow.jwe -o slow.answer -m slow/manifest.yaml
expect 0 'its answer, ten days later' under_clock +90d "$certpool" enroll client1 --import slow.answer -m slow/manifest.yaml
rm slow/client1/cert/cert_key2.crt
"$certpool" enroll client1 --export stale.jwe -q -m slow/manifest.yaml >out
expect 6 'a request of 91 days ago' under_clock +91d "$certpool" sign stale.jwe -m slow/manifest.yaml
says 'is stale' 'refused \(stale\).*90 days'
expect 6 'which its answer says' "$certpool" enroll client1 --import stale.jwe.answer -m slow/manifest.yaml
says 'of each member' 'member 2: refused \(stale\)'
expect 6 'a request under a key that the CA does not have' "$certpool" sign slow.jwe -o unknown.answer
check_not 'has no answer' test -e unknown.answer

# catalogue 62, 76: sign while the CA serves, and gets requests with the same keys over the network
manifest 300 3 | sed 's/client1: {/&policy: {certificates: 1000}, /; s/size: 300/&, batch_size: 20/' >manifest.yaml
"$certpool" request client1 -q >out && "$certpool" enroll client1 --export busy.jwe -q >out
before=$(rows)
start_ca
"$certpool" enroll client1 >online.out 2>online.err &
online=$!
expect 0 'sign beside a server that is asked for the same' "$certpool" sign busy.jwe
check 'which is answered too' wait $online
equal 'each key is certified once' "$(keys)" "$(rows)"
equal 'and none is missing' $((before + 295)) "$(rows)"
expect 0 'import what is there by now' "$certpool" enroll client1 --import busy.jwe.answer
check 'changes nothing' grep -qE 'saved 0 certificates' out
expect 0 'an answer is good that a kill has cut short: import' sh -c "
	rm client1/cert/cert_key2?.crt && '$certpool' enroll client1 --export kill.jwe -q >/dev/null &&
	'$certpool' sign kill.jwe -q >/dev/null &&
	! ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e inject=renameat2:signal=KILL:when=4 '$certpool' enroll client1 --import kill.jwe.answer -q 2>/dev/null"
expect 0 'again' "$certpool" enroll client1 --import kill.jwe.answer
equal 'completes the pool' 300 "$(count_files client1/cert 'cert_key*')"
equal 'no temporary file is left' 0 "$(find client1 -name '.*.new' | wc -l)"

# catalogue 76: killed at each step of each kind; again it is 0
rm client1/cert/cert_key2?.crt
"$certpool" enroll client1 --export steps.jwe -q >out && "$certpool" sign steps.jwe -q >out
cp -r client1 client1.kept
kills=0 sound=0
for call in renameat2 syncfs fsync linkat renameat write; do
	for step in 1 2 3; do
		rm -rf client1 && cp -rp client1.kept client1
		ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "inject=$call:signal=KILL:when=$step" \
			"$certpool" enroll client1 --import steps.jwe.answer >out 2>err && break
		kills=$((kills + 1))
		"$certpool" enroll client1 --import steps.jwe.answer >out 2>err &&
			[ "$(count_files client1/cert 'cert_key*')" -eq 300 ] && sound=$((sound + 1))
	done
done
equal 'import, killed at any step, is completed by import' "$kills" "$sound"
check 'there were steps to be killed at' test "$kills" -gt 5
stop "$ca"

# A folder of requests that other tools made.
mkdir folder
expect 2 'a folder without --client' "$certpool" sign folder
expect 2 'a file with --client' "$certpool" sign busy.jwe --client client1
expect 4 'an empty folder' "$certpool" sign folder --client client1
openssl_request() { # NAME SUBJECT OPTION…
	local name=$1 subject=$2
	shift 2
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -subj "$subject" \
		-out "folder/$name.csr" "$@" 2>openssl.log
}
openssl_request plain /CN=client1-1
openssl_request text /CN=client1-2 -text
certtool --generate-privkey --key-type=ed25519 --outfile certtool.key 2>certtool.log
printf 'cn = client1-3\n' >template
certtool --generate-request --load-privkey certtool.key --template template --outfile folder/certtool.csr 2>certtool.log
expect 0 'sign a folder' "$certpool" sign folder --client client1
prints 'says what it did' '^folder: certified 3 requests; 0 were certified before; 0 refused$'
for name in plain text certtool; do
	check "openssl verifies $name.crt" openssl verify -x509_strict -CAfile ca/cert/root.crt folder/$name.crt
	equal "$name.crt is for its request" "$(openssl req -noout -pubkey -in folder/$name.csr)" "$(openssl x509 -noout -pubkey -in folder/$name.crt)"
done
equal 'it may be read' 644 "$(mode folder/plain.crt)"
check 'the root is beside them' cmp folder/cacerts.pem ca/cert/root.crt
equal 'the record has the names of the files' 'certtool plain text' \
	"$(ask_record ca "select member from certificate where member not like 'key%' order by member" | paste -sd' ')"
sha256sum folder/*.crt >before
count=$(rows)
expect 0 'a second run' "$certpool" sign folder --client client1 --json
equal 'certifies nothing' '{"path":"folder","certified":0,"present":3,"refused":0}' "$(cat out)"
check 'and changes nothing' sha256sum --quiet -c before
equal 'not in the record either' "$count" "$(rows)"

# catalogue 32, 33, 42, 44: each refused file is reported, and the others are certified
openssl_request root /CN=root
echo nonsense >folder/nonsense.csr
cp folder/plain.csr 'folder/a b.csr'
ln -s plain.csr folder/link.csr
cp folder/plain.csr folder/twin.csr
openssl_request taken /CN=client1-4 && cp folder/plain.crt folder/taken.crt
cp client2/CSR_file/csr_key1.csr folder/others.csr
openssl_request good /CN=client1-5
# catalogue 125: an address as a DNS name
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout address.key -subj /CN=client1-6 \
	-addext subjectAltName=DNS:10.0.0.1 -out folder/address.csr 2>/dev/null
expect 5 'a folder with requests that are refused' "$certpool" sign folder --client client1
for reason in 'root\.csr: refused \(policy\)' 'nonsense\.csr: refused' 'a b\.csr: refused.*rename' 'link\.csr: refused.*symbolic link' \
	'taken\.csr: refused.*for another key' 'others\.csr: refused \(key_taken\)' 'address\.csr: refused \(bad_request\).*write "IP:10\.0\.0\.1"'; do
	says "it tells $reason" "$reason"
done
prints 'the others are certified' '^folder: certified 2 requests; 3 were certified before; 7 refused$'
check 'two requests with one key have one certificate' cmp folder/plain.crt folder/twin.crt
check 'what is there is not overwritten' cmp folder/plain.crt folder/taken.crt
equal 'and its request was not certified' 0 "$(ask_record ca "select count(*) from certificate where member = 'taken'")"
mkdir bad && cp folder/root.csr folder/nonsense.csr bad/
expect 6 'a folder of which all are refused' "$certpool" sign bad --client client1
expect 6 'a client that the CA does not know' "$certpool" sign folder --client nobody

# A client that has no network learns by its files that the CA replaces its root, and the CA that it has the new one.
mkdir rotated && cd rotated || exit 1
manifest 2 2 | sed 's|layout: ca,|layout: ca, root_layout: stick,|; s|size: 2}|size: 2}, policy: {certificates: 50}|' >manifest.yaml
"$certpool" init -q >out 2>err
for client in client1 client2; do "$certpool" request $client -q >out; done
# by_files CLIENT: has its first member certified once more.
by_files() {
	rm -f pool.jwe pool.jwe.answer "$1/cert/cert_key1.crt"
	"$certpool" enroll "$1" --export pool.jwe -q && "$certpool" sign pool.jwe -q && "$certpool" enroll "$1" --import pool.jwe.answer
}
roots_pinned() { grep -c BEGIN "$1/cert/root.crt"; }
verified() { openssl verify -x509_strict -CAfile "$1/cert/root.crt" -untrusted "$1/cert/ca.crt" "$1"/cert/cert_key?.crt; }
expect 0 'a client is certified by files' by_files client1
expect 0 'and another one' by_files client2
equal 'an answer has certificates alone' 1 "$(wc -l <pool.jwe.answer)"
cp pool.jwe.answer before.answer
cp ca/cert/root.crt first.crt
expect 0 'rotate root' "$certpool" rotate root -q
expect 0 'the next file' by_files client1
says 'brings the new root' "client1: pinned the CA's new root .*serialNumber=2"
check 'beside the old one' cmp client1/cert/root.crt <(cat first.crt ca/cert/root.next.crt)
check 'openssl verifies the pool' verified client1
expect 6 'the CA does not know of it yet' "$certpool" rotate root --finish
says 'and waits for both' '^certpool rotate: 2 clients have not pinned the new root'
expect 0 'the file after that' by_files client1
check_not 'brings nothing new' grep -q pinned err
expect 6 'and tells the CA' "$certpool" rotate root --finish
says 'which waits for the other one' '1 client has not pinned the new root .*: client2:'
mkdir folder && cp ../folder/plain.csr folder/
expect 0 'requests of other tools meanwhile' "$certpool" sign folder --client client1 -q
equal 'have both roots, the cross certificates and the issuer beside them' 5 "$(grep -c BEGIN folder/cacerts.pem)"
for root in first.crt ca/cert/root.next.crt; do
	check "openssl verifies with it by $root alone" \
		openssl verify -x509_strict -CAfile "$root" -untrusted folder/cacerts.pem folder/plain.crt
done
# Who shares the key, and has no root's key, plants no root: nothing of such a file is saved.
mv ca/cert/root.next.crt second.crt && cp ../ca/cert/root.crt ca/cert/root.next.crt
expect 3 'a root that no pinned one certifies' by_files client2
says 'is not pinned' "the CA's roots, in the last line: .*expected that one of the pinned roots has certified it, found none"
check 'the old one is' cmp client2/cert/root.crt first.crt
check_not 'and no certificate is saved' test -e client2/cert/cert_key1.crt
mv second.crt ca/cert/root.next.crt
# A file of now, which is imported late.
rm client1/cert/cert_key2.crt
"$certpool" enroll client1 --export late.jwe -q && "$certpool" sign late.jwe -q
expect 0 'rotate root --finish, without the other one' "$certpool" rotate root --finish --without client2 -q
expect 0 'the next file' by_files client1
says 'drops the old root' "client1: dropped the CA's old root"
check 'for the new one alone' cmp client1/cert/root.crt ca/cert/root.crt
check 'openssl verifies the pool by it' verified client1
expect 0 'a client that missed all that' by_files client2
says 'pins the new root' "client2: pinned the CA's new root"
says 'and drops the old one' "client2: dropped the CA's old root"
equal 'at once' 1 "$(roots_pinned client2)"
check 'openssl verifies its pool' verified client2
cp client2/cert/root.crt now.crt
expect 0 'the same file again' "$certpool" enroll client2 --import pool.jwe.answer
check 'changes nothing' cmp client2/cert/root.crt now.crt
expect 0 'nor does one of before, whose certificate is there' "$certpool" enroll client2 --import before.answer
check 'at all' cmp client2/cert/root.crt now.crt
rm -f client1/cert/cert_key2.crt
expect 0 'a file of before, which names the old root' "$certpool" enroll client1 --import late.jwe.answer
prints 'has its certificate saved' '^client1: saved 1 certificate'
check_not 'and the old root' grep -q pinned err
check 'is not pinned again' cmp client1/cert/root.crt ca/cert/root.crt
# A client that was away until its root had ended.
ahead() { under_clock "$1" "$certpool" "${@:2}"; }
expect 0 'the CA replaces its root once more' ahead +3600d rotate root -q
expect 0 'for good' ahead +3600d rotate root --finish --without client1 --without client2 -q
rm client1/cert/cert_key?.crt client1/CSR_file/* client1/Private/private_key*
ahead +3660d request client1 -q >out && ahead +3660d enroll client1 --export away.jwe -q && ahead +3660d sign away.jwe -q
expect 0 'enroll --import when the pinned root has ended' ahead +3660d enroll client1 --import away.jwe.answer
prints 'saves all' '^client1: saved 2 certificates'
check 'and pins the root of now' cmp client1/cert/root.crt ca/cert/root.crt
# Requests of two clients in one file: the answer is for both.
rm client?/cert/cert_key?.crt client?/CSR_file/* client?/Private/private_key*
for client in client2 client1; do
	ahead +3660d request $client -q >out && ahead +3660d enroll $client --export $client.jwe -q
done
cat client2.jwe client1.jwe >both.jwe
expect 0 'sign for two clients' ahead +3660d sign both.jwe
equal 'answers each, and has roots for each' 4 "$(wc -l <both.jwe.answer)"
for client in client1 client2; do
	expect 0 "$client imports it" ahead +3660d enroll $client --import both.jwe.answer
	prints "$client has its own" "^$client: saved 2 certificates"
	says "$client passes the others over" 'both\.jwe\.answer: passed over: 2 lines are for other clients, under other keys$'
	check "$client has pinned the root of now" cmp $client/cert/root.crt ca/cert/root.crt
done
