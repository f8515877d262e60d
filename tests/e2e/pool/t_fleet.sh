#!/usr/bin/env bash
# A fleet at its CA: the table of all clients, a file of new ones, their policies field by field, and
# how a client leaves.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
shipped=$(realpath "$(dirname "$0")/../../../pki-layout/manifest.yaml")
. "$(dirname "$0")/../lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://$host:$(free_port 8440)"$store}
clients:
  client1: {pool: {size: 5}}
  client2: {pool: {size: 3}}
  far: {pool: {size: 4}, elsewhere: true}
END
list() { "$certpool" client list --json; }
field() { list | jq -r --arg name "$1" "select(.client==\$name) | .$2"; }
policy() { "$certpool" client show "$1" --json | jq -r ".$2"; }

# A client that is elsewhere has no layout and no secrets here.
expect 0 'init' "$certpool" init
check_not 'makes no layout for a client that is elsewhere' test -e far
check_not 'and no key' test -e ca/Private/shared_far.jwk
expect 2 'nor when it is named' "$certpool" init far
says 'and says how it comes to the CA' 'far is elsewhere: certpool invite far'
expect 0 'status' "$certpool" status
check_not 'shows no pool of it' grep -q '^far ' out
prints 'but its row in the table' '^    far +enabled +0/40 .*! never joined$'
expect 0 'status as JSON' "$certpool" status --json
check 'says that it is elsewhere' jq -se 'any(.node=="far" and .elsewhere)' out
check 'and counts the clients' jq -se 'any(.node=="ca" and .clients==3 and .clients_to_look_at==3)' out

# Who came, and what each has.
start serve serve
ca=$server
"$certpool" request client1 -q && expect 0 'enroll' "$certpool" enroll client1
equal 'has joined' true "$(field client1 'joined != null and .seen != null')"
equal 'valid certificates, members, quota' '5 5 50' "$(field client1 '| "\(.valid) \(.members) \(.certificates)"' | sed 's/null//')"
equal 'and nothing to look at' '' "$(field client1 look_at)"
equal 'another one never joined' 'never joined' "$(field client2 look_at)"
"$certpool" verify client2 client1/cert/cert_key1.crt --online -q >out
equal 'whoever asks anything has joined' 'no valid certificate' "$(field client2 look_at)"
"$certpool" revoke client1/5 -q >out
expect 0 'the table' "$certpool" client list
prints 'counts what is valid, of how many, and revoked' '^client1 +enabled +4/50 +1 +1 +20[0-9]{2}-[0-9]{2}-[0-9]{2} +20[0-9]{2}-'
"$certpool" client disable client1 >out
equal 'a barred client that could still be believed is marked' 'barred, with 4 valid' "$(field client1 look_at)"
"$certpool" client enable client1 >out
for _ in 1 2; do "$certpool" renew client1 --all -q >out; done
equal 'superseded certificates are marked' '12 valid for 4 members: 8 superseded' "$(field client1 look_at | sed 's/1[0-9] valid for [45] members: [89] superseded/12 valid for 4 members: 8 superseded/')"
expect 0 'a validity of its own' "$certpool" client set client2 --validity 1h
"$certpool" request client2 -q && "$certpool" enroll client2 -q
ask_record ca "update certificate set not_after = not_after - 3000 where client = 'client2'"
equal 'a first end that is near is marked' 'first end in 9m' "$(field client2 look_at | sed 's/in [0-9]*m/in 9m/')"
expect 0 'and whether there is room' "$certpool" client set client2 --certificates 4
equal 'to renew' 'first end in 9m, no room to renew all' "$(field client2 look_at | sed 's/in [0-9]*m/in 9m/')"

# A policy, field by field.
equal 'what was set is the operator'\''s' 'validity,certificates' "$(policy client2 set)"
sed -i 's/client2: {pool: {size: 3}/client2: {pool: {size: 6}, policy: {requests_per_minute: 77}/' manifest.yaml
kill -HUP "$ca"
heard() { [ "$(policy client2 requests_per_minute)" = 77 ]; }
check 'the manifest goes on to count for the rest' eventually heard
equal 'and not for that' '4 3600' "$(policy client2 certificates) $(policy client2 validity_s)"
expect 0 'one field is given back' "$certpool" client set client2 --reset certificates
equal 'and follows the pool'\''s size' '60 validity' "$(policy client2 certificates) $(policy client2 set)"
expect 2 'no such field' "$certpool" client set client2 --reset nonsense
says 'all fields are named' 'expected subject, alt-names, keys, usages, validity, certificates, requests-per-minute or size'
expect 0 'all fields are given back' "$certpool" client reset client2
equal 'to the manifest' '0 ' "$(policy client2 validity_s) $(policy client2 set)"
expect 4 'of a client that is there' "$certpool" client reset nobody
expect 6 'a subject that none of its certificates has' "$certpool" client set client1 --subject 'CN=other-{index}'
says 'says how many' '0 of the [0-9]+ subjects that client1 has would match "CN=other-\{index\}": not set \(--force sets it\)'
equal 'nothing is set' 'CN={client}-{index}' "$(policy client1 subject)"
expect 2 'a star' "$certpool" client set client1 --subject 'CN=client1-*'
says 'stands for itself' 'a \* stands for itself'
expect 0 'forced' "$certpool" client set client1 --subject 'CN=other-{index}' --force
expect 0 'back' "$certpool" client set client1 --reset subject
expect 2 'a validity beyond the CA'\''s own' "$certpool" client set client1 --validity 1y
says 'says the CA'\''s' 'expected at most the CA.s own, 7776000 s'
equal 'nothing is set either' 0 "$(policy client1 validity_s)"
expect 0 'a size' "$certpool" client set client1 --size 520
equal 'has ten certificates for each member' 5200 "$(policy client1 certificates)"

# A file of clients: all or none.
refused() { # NAME LINES PATTERN
	printf '%b' "$2" >bad.csv
	expect 2 "$1" "$certpool" client add --from bad.csv --invite-to bad.invitations
	says "$1: says where" "$3"
}
count() { list | wc -l; }
before=$(count)
refused 'a file without a column of names' 'size\n3\n' 'bad.csv: line 1: expected a column "name"'
refused 'a column that there is not' 'name,purpose\na,client\n' 'bad.csv: line 1: expected columns of name, size, subject.*found "purpose"'
refused 'a column twice' 'name,size,size\n' 'line 1: expected each column once, found size again'
refused 'a bad name' 'name\nok\n../x\n' 'bad.csv: line 3: name: expected 1 to 64 of'
refused 'the CA'\''s name' 'name\nca\n' 'line 2: name: no client can be called "ca"'
refused 'a bad size' 'name,size\nok,3\nbad,x\n' 'bad.csv: line 3: size: expected a whole number from 1 to 1000000, found "x"'
refused 'a bad validity' 'name,validity\nbad,never\n' 'line 2: validity: '
refused 'one beyond the CA'\''s' 'name,validity\nbad,99y\n' 'line 2: validity: expected at most'
refused 'a bad type of key' 'name,keys\nbad,rot13\n' 'line 2: keys: '
refused 'a bad alternative name' 'name,alt-names\nbad,nonsense\n' 'line 2: alt-names: '
refused 'a row too short' 'name,size\nok,3\nbad\n' 'line 3: expected 2 fields as in line 1, found 1'
refused 'a row too long' 'name,size\nbad,1,2\n' 'line 2: expected 2 fields as in line 1, found 3'
refused 'a quote that does not end' 'name,subject\nbad,"CN=x\n' 'line 2: expected a quote at the end'
refused 'text after a quote' 'name,subject\nbad,"CN=x"y\n' 'line 2: expected a comma or the end'
refused 'a name twice' 'name\na1\na2\na1\n' 'line 4: name: expected each client once, found a1 of line 2 again'
refused 'nobody' 'name\n\n' 'expected a line for each client, found none'
refused 'nothing' '' 'expected a first line'
refused 'other octets than UTF-8' 'name\n\xff\n' 'expected UTF-8'
printf 'name\nnew\nclient1\n' >bad.csv
expect 6 'a client that is there' "$certpool" client add --from bad.csv --invite-to bad.invitations
says 'says the line' 'bad.csv: line 3: name: the CA has a client "client1" already'
expect 2 'a policy beside the file' "$certpool" client add --from bad.csv --size 3
expect 2 'a client beside the file' "$certpool" client add x --from bad.csv
equal 'nothing was added' "$before" "$(count)"
equal 'no key was made' 2 "$(count_files ca/Private 'shared_*')"
equal 'no invitation was written' 0 "$(find bad.invitations -name '*.json' 2>/dev/null | wc -l)"

{
	printf '\xef\xbb\xbfname,size,subject,"alt-names",validity,certificates\r\n'
	printf 'quoted,7,"CN=""q"" {index}, O=a",,30d,\r\n\r\n'
	for ((i = 1; i < 300; i++)); do printf 'device%d,500,,,,\n' $i; done
} >fleet.csv
expect 0 'three hundred clients' "$certpool" client add --from fleet.csv --invite-to invitations --expires 7d
equal 'are in the record' $((before + 300)) "$(count)"
equal 'each with an invitation' 300 "$(count_files invitations '*.invitation.json')"
equal 'for its owner alone' 600 "$(mode invitations/device7.invitation.json)"
equal 'a field in quotes is as it was meant' 'CN="q" {index}, O=a' "$(policy quoted subject)"
equal 'a quota follows the size' '70 5000' "$(policy quoted certificates) $(policy device1 certificates)"
equal 'the size is in the invitation' 500 "$(jq .pool.size invitations/device7.invitation.json)"
equal 'as is its end' true "$(jq '.expires | test("Z$")' invitations/device7.invitation.json)"
equal 'the table says so' 'invited, not joined' "$(field device7 look_at)"
cp invitations/device7.invitation.json invitations/other.invitation.json
expect 6 'an invitation that is there is not overwritten' "$certpool" client add other --invite-to invitations
equal 'and nothing is added' '' "$(field other client)"
expect 0 'status of a large fleet' "$certpool" status
prints 'is short' 'and [0-9]+ more: certpool client list'

# A device joins, elsewhere.
mkdir device7.host
mv invitations/device7.invitation.json device7.host
on() { (cd "$1" && shift && "$@"); }
expect 0 'a device joins' on device7.host "$certpool" join device7.invitation.json
expect 0 'makes its keys' on device7.host "$certpool" request device7 -q
expect 0 'and enrolls, all of it' on device7.host "$certpool" enroll device7
equal 'the CA has seen it' '500 500' "$(field device7 '| "\(.valid) \(.members)"' | sed 's/null//')"

# A client leaves.
valid() { "$certpool" list --client "$1" --status valid --json >listed || return; wc -l <listed; }
expect 6 'a client of the manifest is not removed' "$certpool" client remove client1
says 'for it would come back' 'take it out of the manifest first'
cp -p ca/Private/shared_device7.jwk device7.jwk
expect 0 'remove' "$certpool" client remove device7
prints 'says what becomes of its certificates' 'device7: removed; its 500 valid certificates live on until they end: certpool revoke --client device7 --yes'
check_not 'its key is gone' test -e ca/Private/shared_device7.jwk
equal 'it is not listed' '' "$(field device7 client)"
check 'its name is barred after a restore from before' grep -qx device7 ca/state/barred
expect 4 'to remove it again, with its certificates' "$certpool" client remove device7 --revoke
says 'says that they are valid, and what revokes them' 'was removed before; 500 certificates of it are valid, .*: certpool revoke --client device7 --yes revokes them'
expect 0 'which does so' "$certpool" revoke --client device7 --yes -q
equal 'all of them' 0 "$(valid device7)"
# What a removal leaves that is killed after the record.
mv device7.jwk ca/Private/shared_device7.jwk
sed -i '/^device7$/d' ca/state/barred
expect 0 'a removal that was killed is run again' "$certpool" client remove device7
check_not 'its key is gone then' test -e ca/Private/shared_device7.jwk
check 'and its name is barred' grep -qx device7 ca/state/barred
expect 4 'remove again' "$certpool" client remove device7
says 'which is done' 'device7" was removed before'
expect 4 'remove nobody' "$certpool" client remove nobody
sed -i 's/size: 500/size: 501/' device7.host/manifest.yaml
on device7.host "$certpool" request device7 -q
expect 6 'it cannot enroll' on device7.host "$certpool" enroll device7
expect 0 'a client of that name begins anew' "$certpool" client add device7 --size 2
sed -i '/client2:/d' manifest.yaml
expect 0 'remove with its certificates' "$certpool" client remove client2 --revoke --json
check 'says how many were revoked' jq -e '.act=="removed" and .revoked>=3 and .living_on==0' out
equal 'they are' 0 "$(valid client2)"
check 'the CRL has them' sh -c "curl -s $endpoint/crl | openssl crl -inform DER -noout -text | grep -q 'Cessation Of Operation'"
"$certpool" revoke device9 --yes -q >out
expect 0 'a revoked client is removed' "$certpool" client remove device9
expect 6 'and never added again' "$certpool" client add device9
says 'for a revocation is for good' 'device9" was revoked, which is for good'

# The manifest that is shipped has room for a larger pool.
mkdir large
sed "s/size: 20\$/size: 500/; s/127.0.0.1:8440/$host:$(free_port 8450)/" "$shipped" >large/manifest.yaml
cd large || exit 1
"$certpool" init -q >out
start large serve
"$certpool" request client1 -q >out
expect 0 'a pool of 500 by the manifest that is shipped' "$certpool" enroll client1
prints 'all of it' 'saved 500 certificates; 0 were there; 0 refused'
