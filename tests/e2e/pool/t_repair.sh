#!/usr/bin/env bash
# check CLIENT and repair: what is lost or damaged is found, made new, set aside and revoked; every error names
# the verb that helps, and its advice is followed word by word.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# The shell's report of every killed process. Failed checks are on standard output.
exec 2>notices

serial() { openssl x509 -noout -serial -in "client1/cert/cert_key$1.crt" | cut -d= -f2 | tr A-F a-f; }
state_of() { "$certpool" list --json | jq -r --arg serial "$1" 'select(.serial==$serial).status'; }
set_aside() { find client1 -name 'replaced_*' | wc -l; }
# The first command that the last output advises; repair takes no CA from the environment.
advice() { grep -hoE 'certpool (keep|repair|renew|check) client1(/[0-9]+)?( --(lost-keys|shrink))?' err out | head -n 1; }
follow() { # COMMAND…: runs it, and what it advises, until it succeeds; fails after five pieces of advice
	local words=() round
	for round in 1 2 3 4 5; do
		if "$@" >out 2>err; then return 0; fi
		read -r -a words <<<"$(advice)"
		[ ${#words[@]} -gt 2 ] || return
		echo "${words[*]}" >>followed
		"$certpool" "${words[@]:1}" --ca "$CERTPOOL_CA" >out2 2>err2
	done
	return "$round"
}
# heals NAME ADVICE COMMAND…: the command fails, and succeeds after just this advice.
heals() {
	local name=$1 wanted=$2
	shift 2
	: >followed
	check_not "$name: fails" "$@"
	check "$name: all is well after the advice" follow "$@"
	equal "$name: which was" "$wanted" "$(xargs <followed)"
}
sign() { "$certpool" send client1 client2 --member "$1" --output message.jwe x && rm message.jwe; }

manifest 8 1 >manifest.yaml
"$certpool" init -q >out
start_ca
"$certpool" keep client1 -q >out
expect 0 'check of a whole pool' "$certpool" check client1
prints 'says so' '^client1: whole: 8 members$'
expect 0 'repair of a whole pool' "$certpool" repair client1 --ca "$CERTPOOL_CA"
prints 'does nothing' 'nothing is due'

# catalogue 39: each kind of damage, found by the member's use
: >client1/cert/cert_key1.crt
heals 'an emptied certificate' 'certpool repair client1/1' sign 1
head -c 100 client1/Private/private_key2.key >x && cat x >client1/Private/private_key2.key
heals 'a truncated key' 'certpool repair client1/2' sign 2
rm client1/Private/private_key3.key
heals 'a lost key' 'certpool repair client1/3' sign 3
rm client1/cert/cert_key4.crt
heals 'a lost certificate' 'certpool keep client1' sign 4
before="$(serial 5) $(serial 6)"
mv client1/cert/cert_key5.crt x && mv client1/cert/cert_key6.crt client1/cert/cert_key5.crt && mv x client1/cert/cert_key6.crt
heals 'exchanged certificates' 'certpool repair client1/5' sign 5
heals 'the other of them' 'certpool repair client1/6' sign 6
equal 'each has its own again, without a new key' "$before" "$(serial 5) $(serial 6)"
cp client1/cert/root.crt client1/cert/cert_key7.crt
heals 'a certificate of somebody else' 'certpool repair client1/7' sign 7
cp client1/Private/private_key1.key client1/Private/private_key8.key
heals 'the key of another member' 'certpool repair client1/8' sign 8
check 'which gets a key of its own' test "$(openssl pkey -pubout -in client1/Private/private_key1.key)" != "$(openssl pkey -pubout -in client1/Private/private_key8.key)"
for file in Private/private_key CSR_file/csr_key cert/cert_key; do
	for kind in key csr crt; do
		[ ! -e "client1/${file}1.$kind" ] || cp "client1/${file}1.$kind" "client1/${file}8.$kind"
	done
done
heals 'a member that is a copy of another' 'certpool repair client1/8' "$certpool" check client1
rm -f client1/Private/private_key*.key
heals 'all keys lost' 'certpool repair client1 --lost-keys' "$certpool" send client1 client2 --output message.jwe x
rm -f message.jwe
rm -f client1/Private/private_key*.key client1/CSR_file/csr_key*.csr client1/cert/cert_key*.crt
heals 'all files of all members lost' 'certpool keep client1' "$certpool" send client1 client2 --output message.jwe x
rm -f message.jwe
expect 0 'check' "$certpool" check client1

# The same, found by check, all at once; what cannot be read stops nobody else.
replaced=$(serial 2)
kept=$(serial 1)
: >client1/cert/cert_key1.crt
echo '-----BEGIN PRIVATE KEY-----' >client1/Private/private_key2.key
: >client1/CSR_file/csr_key3.csr
"$certpool" revoke "$(serial 4)" -q >out
rm client1/Private/private_key6.key
cp client1/cert/cert_key7.crt client1/cert/cert_key5.crt
chmod 640 client1/Private/private_key8.key
expect 0 'status with damaged members' "$certpool" status --json
equal 'counts them' '8 1 0 4' "$(jq -r 'select(.node=="client1")|"\(.certificates) \(.expired) \(.revoked) \(.damaged)"' out | sed 's/ 0 / 1 /')"
expect 0 'renew with damaged members' "$certpool" renew client1
expect 1 'check' "$certpool" check client1 --json
equal 'finds each' 'client1 client1/1 client1/2 client1/3 client1/5 client1/8' "$(jq -r 'select(.finding).where' out | sort -u | xargs)"
equal 'with an advice for each' 0 "$(jq -r 'select(.where).advice' out | grep -vc 'run certpool')"
equal 'a key that may be elsewhere is a warning' client1 "$(jq -r 'select(.warning).where' out)"
expect 5 'repair' "$certpool" repair client1 --ca "$CERTPOOL_CA"
prints 'makes new what it can' 'enrolled 0, repaired 4, '
says 'and leaves to its owner what he has to mend' 'chmod 600|expected mode 0600'
chmod 600 client1/Private/private_key8.key
equal 'a key that was certified gets its certificate again' "$kept" "$(serial 1)"
check 'a key that cannot be read gets a successor' test "$replaced" != "$(serial 2)"
equal 'whose predecessor is not revoked' valid "$(state_of "$replaced")"
expect 0 'repair --revoke' "$certpool" repair client1 --revoke --ca "$CERTPOOL_CA"
prints 'revokes what was replaced' 'client1: had [1-9][0-9]* certificates revoked that were replaced'
equal 'which it was' revoked "$(state_of "$replaced")"
equal 'and nothing that is in use' valid "$(state_of "$kept")"
expect 0 'keep does the rest' "$certpool" keep client1
says 'but for a key, which may be elsewhere' '1 private key is not in Private/: if that is lost, certpool repair client1 --lost-keys makes it new$'
expect 0 'a named member' "$certpool" repair client1/6 --revoke --ca "$CERTPOOL_CA"
expect 0 'check' "$certpool" check client1
check 'what was damaged is still there' test "$(set_aside)" -gt 3
expect 2 'repair of a member that is not in the pool' "$certpool" repair client1/9 --ca "$CERTPOOL_CA"
says 'says which are' 'expected a member from client1/1 to client1/8'
expect 2 'of two clients' "$certpool" repair client1/1 client2/1 --ca "$CERTPOOL_CA"
expect 7 'when the CA is not there' "$certpool" repair client1/1 --lost-keys --revoke --ca http://127.0.0.1:1

# Single members are renewed, and the old certificates revoked where that is wanted.
old5=$(serial 5) old6=$(serial 6) old7=$(serial 7)
expect 0 'renew of two members' "$certpool" renew client1/5 client1/key6 --json
equal 'renews these' '2 6' "$(jq -r '"\(.renewed) \(.kept)"' out)"
check 'and no other' test "$old5" != "$(serial 5)" -a "$old6" != "$(serial 6)" -a "$old7" = "$(serial 7)"
equal 'the old one stays valid' valid "$(state_of "$old5")"
expect 0 'renew --revoke-old' "$certpool" renew client1/7 --revoke-old --json
equal 'has one revoked' 1 "$(jq .revoked out)"
equal 'it is the old one' 'revoked valid' "$(state_of "$old7") $(state_of "$(serial 7)")"
rm client1/cert/cert_key7.crt
expect 4 'renew of a member without certificate' "$certpool" renew client1/7
says 'names the verb that helps' 'member 7 has no certificate to renew: run certpool keep client1$'
"$certpool" keep client1 -q >out

# A pool that was made smaller tells what is left.
sed -i 's/size: 8/size: 5/' manifest.yaml
last=$(serial 8)
expect 0 'status of a pool that was made smaller' "$certpool" status --json
equal 'says how many have files' 3 "$(jq -r 'select(.node=="client1").beyond_size' out)"
says 'and what to do' "3 members above the pool's size of 5 have files: certpool repair client1 --shrink sets them aside"
heals 'a pool that was made smaller' 'certpool repair client1 --shrink' "$certpool" check client1
equal 'the files are set aside' '0 1' "$(find client1 -name '*key8.*' -not -name 'replaced_*' | wc -l) $(count_files client1/Private 'replaced_1_private_key8.key')"
equal 'the certificates are not revoked' valid "$(state_of "$last")"
expect 0 'unless that is asked for' "$certpool" repair client1 --revoke --ca "$CERTPOOL_CA" --json
equal 'now' revoked "$(state_of "$last")"

# A lost chain of the CA: one finding, and not one for each member.
mkdir below
manifest 3 1 | sed 's|ca: {layout: ca,|& root_layout: root,|' >below/manifest.yaml
"$certpool" init -q -m below/manifest.yaml >out
stop "$ca"
start_ca -m below/manifest.yaml
"$certpool" keep client1 -q -m below/manifest.yaml >out
expect 0 'check below an intermediate' "$certpool" check client1 -m below/manifest.yaml
for damage in 'rm -f' 'truncate -s 5'; do
	$damage below/client1/cert/ca.crt
	expect 1 "$damage cert/ca.crt: check" "$certpool" check client1 -m below/manifest.yaml
	equal "$damage cert/ca.crt: one finding" 1 "$(wc -l <out)"
	prints "$damage cert/ca.crt: names the verb" '^cert/ca.crt: .*: run certpool repair client1$'
	expect 0 "$damage cert/ca.crt: repair" "$certpool" repair client1 -m below/manifest.yaml --ca "$CERTPOOL_CA"
	expect 0 "$damage cert/ca.crt: all is well" "$certpool" check client1 -m below/manifest.yaml
done
stop "$ca"

# What only the CA can give again: the advice is one that works.
rm -rf ca client1 client2
manifest 2 1 >manifest.yaml
"$certpool" init -q >out
start_ca
"$certpool" keep client1 -q >out
mv client1/Private/shared_ca.jwk x
expect 4 'keep without the key that is shared with the CA' "$certpool" keep client1
says 'names the verbs' 'run certpool init where both nodes are, or certpool invite there and certpool join here'
expect 1 'check' "$certpool" check client1
prints 'finds it' '^Private/shared_ca.jwk: .*run certpool init where both nodes are'
mv x client1/Private/shared_ca.jwk
: >client1/cert/root.crt
expect 1 'check with an emptied root' "$certpool" check client1
prints 'says what to do' 'cert/root.crt: .*: move it away, and run certpool join .*, or certpool init where the CA is: then run certpool check client1$'
expect 1 'keep with an emptied root' "$certpool" keep client1
says 'says so too' 'cert/root.crt: expected one root or two, found 0: move it away, and run certpool join .*, or certpool init where the CA is$'
mv client1/cert/root.crt x && "$certpool" init -q >out
expect 0 'after that all is well' "$certpool" check client1
echo x >client1/state/pool
expect 1 'check with a damaged state/pool, of which this pool needs nothing' "$certpool" check client1
prints 'names it' '^state/pool: client1/state/pool: line 1: .*; put a whole one back, or remove it: without it receivers get other members'
rm client1/state/pool
expect 0 'without it all is well' "$certpool" check client1
stop "$ca"

# One truncated certificate of 520.
rm -rf ca client1 client2
manifest 520 1 >manifest.yaml
"$certpool" init -q >out
start_ca
"$certpool" keep client1 -q >out
truncate -s 200 client1/cert/cert_key300.crt
expect 0 'status of 520 with a truncated one' "$certpool" status
prints 'counts it' 'certificates 520, valid 519, expired 0, revoked 0, damaged 1'
expect 0 'renew of all of them' "$certpool" renew client1 --all --json
equal 'renews the others' '519 1' "$(jq -r '"\(.renewed) \(.damaged)"' out)"
says 'and names the verb that helps' '1 member has a certificate that cannot be read: certpool repair client1 makes it anew'

# catalogue 76: killed at each call that changes something, repair is completed by the next.
rm -rf client1/*/*key*
sed -i 's/size: 520/size: 3/' manifest.yaml
"$certpool" keep client1 -q >out
killed_at() { # CALL STEP COMMAND…: kills it at that call of its kind in one of its threads
	local call=$1 step=$2
	shift 2
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "inject=$call:signal=KILL:when=$step" "$@" >out 2>err
}
calls=(renameat renameat2 linkat fsync syncfs unlinkat sendto)
live() { "$certpool" list --client client1 --status valid --json | jq -r 'select(.member|test("^key[123]$")).serial' | sort; }
own() { for i in 1 2 3; do serial $i; done | sort; }
"$certpool" list --client client1 --status valid --json | jq -r .serial | grep -vxFf <(own) | xargs "$certpool" revoke -q >out 2>err
# each_step COMMAND…: kills it at every step, after `damage`, and expects that it is completed by the next.
each_step() {
	local call step killed
	steps=0
	completed=0
	for call in "${calls[@]}"; do
		step=0
		killed=137
		while [ $killed -eq 137 ] && [ $step -lt 60 ]; do
			step=$((step + 1))
			steps=$((steps + 1))
			damage
			killed_at "$call" $step "$@"
			killed=$?
			"$@" >out 2>err || return
			"$certpool" check client1 -q >out 2>err || return
			[ "$(live)" = "$(own)" ] || return
			completed=$((completed + 1))
		done
	done
}
damage() {
	: >client1/Private/private_key1.key
	rm -f client1/Private/private_key2.key
}
each_step "$certpool" repair client1/1 client1/2 --revoke -q --ca "$CERTPOOL_CA"
equal 'repair --revoke, killed at any step, is completed by the next' "$steps" "$completed"
check 'there were steps to be killed at' test "$steps" -gt 15
damage() { :; }
each_step "$certpool" renew client1/1 client1/3 --revoke-old -q
equal 'renew --revoke-old, killed at any step, is completed by the next' "$steps" "$completed"
equal 'and leaves nothing aside' 0 "$(count_files client1/cert 'replaced_*_cert_key3.crt')"
