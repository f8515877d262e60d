#!/usr/bin/env bash
# certpool rotate key: the key that a client shares with the CA, or with another client.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

kid() { jq -r .kid "$1/Private/shared_$2.jwk"; }
k() { jq -r .k "$1/Private/shared_$2.jwk"; }
same() { [ "$(k "$1" "$2")" = "$(k "$3" "$4")" ]; }

manifest 1 1 >manifest.yaml
"$certpool" init >/dev/null 2>&1
start_ca
for client in client1 client2; do
	"$certpool" request "$client" >/dev/null 2>&1
	"$certpool" enroll "$client" >/dev/null 2>&1
done
first=$(kid ca client1)
cp -a client1 stolen

# --- with an overlap: handed over under the old key, and acknowledged ---

expect 0 "rotate key: exit status 0" "$certpool" rotate key client1
prints "it says until when the old key is taken" '^client1: rotated; the old one is taken until 20'
says "and how the client gets the new one" 'next enroll, renew or keep'
check_not "the CA has a new key" [ "$(kid ca client1)" = "$first" ]
equal "and the old one, with its end" "$first" "$(jq -r .kid ca/Private/old_client1.jwk)"
equal "which is 7 days from now" 7 "$(jq '(.exp - now) / 86400 | round' ca/Private/old_client1.jwk)"
equal "both have mode 0600" "600 600" \
	"$(stat -c %a ca/Private/old_client1.jwk ca/Private/shared_client1.jwk | xargs)"
expect 0 "client show" "$certpool" client show client1
prints "says that the client has not taken it" 'shared key +rotated at 20.*, not taken yet; the old one ends at'
rotation_of() { "$certpool" client list --json | jq -r --arg name "$1" 'select(.client == $name) | .key_rotation'; }
equal "client list too" offered "$(rotation_of client1)"
expect 0 "client list" "$certpool" client list
prints "has a column for it" '^client1 .* present +offered '
expect 6 "a second rotation meanwhile is refused" "$certpool" rotate key client1
says "with what to do" 'being rotated.*--overlap 0'
expect 6 "neither can it be finished" "$certpool" rotate key client1 --finish
says "as the client has not taken the new key" 'client1 has not taken the new key yet'
equal "nothing was changed" "$first" "$(jq -r .kid ca/Private/old_client1.jwk)"

sed -i 's/client1: {pool: {size: 1}}/client1: {pool: {size: 2}}/' manifest.yaml
"$certpool" request client1 >/dev/null 2>&1
expect 0 "the client enrolls under the old key" "$certpool" enroll client1
check "and has the new one then" same ca client1 client1 ca
"$certpool" audit list --json | jq -c 'select(.event == "key")' >events
equal "the audit log has the rotation and that it was taken" "rotated taken" "$(jq -r .type events | xargs)"
equal "client list too" taken "$(rotation_of client1)"
"$certpool" client show client1 --json >shown
check "client show --json has the times" \
	jq -e '.key_rotated_at and .key_taken_at and .old_key_ends' shown
expect 0 "the client goes on under the new key" "$certpool" renew client1 --all
expect 0 "a copy of the client, with the old key, is served during the overlap" \
	"$certpool" revoke stolen/cert/cert_key1.crt --as client1 --ca "$CERTPOOL_CA"

# The old file is overwritten before it goes: whoever has it open sees its content.
exec 8<ca/Private/old_client1.jwk
expect 0 "--finish ends the old key" "$certpool" rotate key client1 --finish
check_not "which is gone" [ -e ca/Private/old_client1.jwk ]
equal "no rotation is listed any more" "" "$(rotation_of client1)"
equal "and its content" "" "$(tr -d '\0' <&8)"
sed 's|layout: ca|layout: ca|; s|client1: {|client1: {layout: stolen, |' manifest.yaml >stolen.yaml
cp client1/CSR_file/csr_key2.csr stolen/CSR_file/
rm -f stolen/cert/cert_key2.crt
expect 6 "a copy with the old key is refused from then on" "$certpool" enroll client1 -m stolen.yaml
equal "with a line in the audit log" "rotated taken ended" \
	"$("$certpool" audit list --json | jq -r 'select(.event == "key").type' | xargs)"

# --- after a theft: no overlap ---

cp -a client1 thief
sed 's|client1: {|client1: {layout: thief, |' manifest.yaml >thief.yaml
cp client1/CSR_file/csr_key2.csr thief/CSR_file/
rm -f thief/cert/cert_key2.crt
expect 0 "rotate key --overlap 0" "$certpool" rotate key client1 --overlap 0
prints "the old key ended" '^client1: rotated; the old one ended at 20'
says "how the client gets the new one" 'certpool invite client1, and there certpool join --replace'
check_not "no old key is there" [ -e ca/Private/old_client1.jwk ]
expect 6 "the thief is refused at once" "$certpool" enroll client1 -m thief.yaml
says "and so is the client, which is told what to do" 'if it was replaced there, take the new one by an invitation: certpool join --replace$'
check_not "and gets no new key" same ca client1 thief ca

sed -i "2s|http://127.0.0.1:0|$CERTPOOL_CA|" manifest.yaml
expect 0 "a new invitation" "$certpool" invite client1
expect 6 "is not taken over the key that is there" "$certpool" join client1.invitation.json
says "but for the option that the error names" 'certpool join --replace'
expect 0 "join --replace takes it" "$certpool" join --replace client1.invitation.json
check "the client has the CA's key" same ca client1 client1 ca
rm -f client1/cert/cert_key2.crt
expect 0 "and enrolls" "$certpool" enroll client1

# --- an overlap that ends by itself ---

"$certpool" rotate key client2 --overlap 1h >/dev/null 2>&1
old=$(jq -c '.exp = (now | floor) - 5' ca/Private/old_client2.jwk)
cp -p ca/Private/old_client2.jwk kept
echo "$old" >ca/Private/old_client2.jwk
rm -f client2/cert/cert_key1.crt
expect 6 "after its end the old key is refused" "$certpool" enroll client2
"$certpool" crl -q -o list.pem >out 2>err
expect 0 "check is content, as it opens nothing" "$certpool" check
says "and names what removes it" 'ca/Private/old_client2.jwk: warning: the old key shared with client2 ended at .*: certpool prune removes it, or certpool rotate key client2 --finish$'
expect 0 "which does" "$certpool" rotate key client2 --finish
check_not "it is gone" [ -e ca/Private/old_client2.jwk ]

# --- what check says ---

cp -p ca/Private/shared_client1.jwk good
jq -c --arg k "$(k ca client2)" '.k = $k' good >ca/Private/shared_client1.jwk
expect 1 "check: a key that two clients have" "$certpool" check
prints "names both" 'the same key is shared with client1 and with client2'
expect 0 "and what it advises" "$certpool" rotate key client2 --overlap 0
cat good >ca/Private/shared_client1.jwk
check "helps, but for the CRL" "$certpool" crl
check "all is well" "$certpool" check
cp -p good ca/Private/shared_client9.jwk
expect 1 "check: a key of nobody that the CA knows" "$certpool" check
prints "names it" 'shared_client9.jwk: .*client9, which is no client of this CA'
rm ca/Private/shared_client9.jwk
mv ca/Private/shared_client1.jwk away
expect 0 "check: a client without a key is a warning" "$certpool" check
says "says what makes one" 'client1.*has no shared key.*certpool invite client1'
rm -f client1.invitation.json
check "which does" "$certpool" invite client1
check "and the client takes it" "$certpool" join --replace client1.invitation.json
expect 0 "check has nothing more to say" "$certpool" check
check_not "of keys" grep -q 'shared key' err

# --- killed: at every moment both have a key in common ---

"$certpool" client set client1 --certificates 1000 --requests-per-minute 1000 >out
"$certpool" enroll client1 -q >out 2>&1
"$certpool" renew client1 --all -q >out 2>&1
killed_at() { # STEP CALLS COMMAND…
	local step=$1 calls=$2
	shift 2
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "trace=$calls" \
		-e "inject=$calls:signal=KILL:when=$step" "$@" >out 2>err
}
# Calls of each kind are counted apart.
calls='linkat renameat fsync unlinkat pwrite64'
broken=0
kills=0
for call in $calls; do
	for step in $(seq 40); do
		status=0
		killed_at "$step" "$call" "$certpool" rotate key client1 --overlap 1h 2>>notices || status=$?
		[ $status -eq 137 ] && kills=$((kills + 1))
		"$certpool" renew client1 --all -q >>log 2>&1 || broken=$((broken + 1))
		same ca client1 client1 ca || broken=$((broken + 1))
		"$certpool" rotate key client1 --finish >>log 2>&1
		[ $status -eq 0 ] && break
	done
	equal "rotate is done in the end ($call)" 0 "$status"
done
check "after it was killed $kills times" [ $kills -ge 10 ]
equal "each time the client went on, and had the CA's key then" 0 $broken
broken=0
kills=0
for call in $calls; do
	for step in $(seq 40); do
		"$certpool" rotate key client1 --overlap 1h >>log 2>&1
		status=0
		killed_at "$step" "$call" "$certpool" renew client1 --all -q 2>>notices || status=$?
		[ $status -eq 137 ] && kills=$((kills + 1))
		"$certpool" renew client1 --all -q >>log 2>&1 || broken=$((broken + 1))
		same ca client1 client1 ca || broken=$((broken + 1))
		"$certpool" rotate key client1 --finish >>log 2>&1 || broken=$((broken + 1))
		[ $status -eq 0 ] && break
	done
	equal "a client that takes the key is done in the end ($call)" 0 "$status"
done
check "after it was killed $kills times" [ $kills -ge 10 ]
equal "each time it went on, and had the CA's key then" 0 $broken
broken=0
kills=0
for call in unlinkat fsync pwrite64; do
	for step in $(seq 40); do
		"$certpool" rotate key client1 --overlap 1h >>log 2>&1
		"$certpool" keep client1 -q >>log 2>&1
		status=0
		killed_at "$step" "$call" "$certpool" rotate key client1 --finish 2>>notices || status=$?
		[ $status -eq 137 ] && kills=$((kills + 1))
		for file in ca/Private/{old,shared}_*.jwk; do
			[ ! -e "$file" ] || jq -e .kid "$file" >>log 2>&1 || broken=$((broken + 1))
		done
		"$certpool" rotate key client1 --finish >>log 2>&1
		[ $status -eq 0 ] && break
	done
	equal "the end of an old key is done in the end ($call)" 0 "$status"
done
check "after it was killed $kills times" [ $kills -ge 3 ]
equal "each time every file of a key had one" 0 $broken
equal "no temporary file stays" "" "$(find ca/Private client1/Private -name '.*' -type f)"

# --- between two clients ---

"$certpool" join --replace client2.invitation.json >out 2>&1
rm -f client?.invitation.json
"$certpool" invite client2 >out 2>&1
"$certpool" join --replace client2.invitation.json >out 2>&1
expect 0 "client2 has a certificate again" "$certpool" enroll client2
start_receiver client2
send() { "$certpool" send client1 client2 --endpoint "$inbox" "$@"; }
expect 0 "a message, before" send bonjour
before=$(kid client1 client2)

# the receiver rotates
cp -a client1 other
expect 0 "the receiver rotates" "$certpool" rotate key client1 --by client2
says "and the note names the next message" 'client1 gets it with the next message'
check_not "it has a new key" [ "$(kid client2 client1)" = "$before" ]
expect 0 "a message under the old key is taken" send bonjour
check "the sender has the new key then" same client1 client2 client2 client1
expect 0 "a message under the new one, too" send bonjour
expect 0 "the receiver ends the old one" "$certpool" rotate key client1 --by client2 --overlap 0
expect 6 "what is under the old keys is refused then" send bonjour

# a new invitation
expect 0 "the receiver invites the sender" "$certpool" invite client1 --by client2
expect 0 "which takes the new key" "$certpool" join --replace client2-client1.invitation.json
expect 0 "and sends again" send bonjour

# the sender rotates
expect 0 "a message that is made before" \
	"$certpool" send client1 client2 bonjour --endpoint "$inbox" --output early.jwe
expect 0 "the sender rotates" "$certpool" rotate key client2 --by client1
expect 6 "it cannot end the old key before the other has the new one" \
	"$certpool" rotate key client2 --by client1 --finish
check_not "the receiver does not have the new key" same client1 client2 client2 client1
expect 0 "a message under the old key" send bonjour
check "offers the new one to the receiver" same client1 client2 client2 client1
expect 0 "a message under the new one" send bonjour
expect 0 "a message that was made before the rotation is delivered" \
	"$certpool" send client1 client2 --deliver early.jwe --endpoint "$inbox"
expect 0 "the sender ends the old key" "$certpool" rotate key client2 --by client1 --finish
check_not "which is gone" [ -e client1/Private/old_client2.jwk ]
expect 0 "a message after that" send bonjour
stop "$receiver"
equal "the receiver ends well" 0 "$stopped"

# --- the verb for a timer, with nothing else to do ---

"$certpool" rotate key client2 >out 2>&1
expect 0 "keep, with nothing due" "$certpool" keep client2
check "takes the new key" same ca client2 client2 ca
check "which the CA knows" jq -e .key_taken_at <<<"$("$certpool" client show client2 --json)"
"$certpool" rotate key client2 --finish >out 2>&1
expect 0 "keep goes on after that" "$certpool" keep client2

# --- wrong words ---

expect 2 "rotate without a name" "$certpool" rotate key
expect 2 "of another thing" "$certpool" rotate wheel client1
expect 4 "of a client that there is not" "$certpool" rotate key client9
says "which it names" 'client9'
expect 2 "of the CA's key by a client" "$certpool" rotate key ca --by client1
says "names the way" 'there, certpool rotate key client1'
expect 2 "with an overlap that is none" "$certpool" rotate key client1 --overlap soon
expect 2 "with --finish and --overlap" "$certpool" rotate key client1 --finish --overlap 1d
