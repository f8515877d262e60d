#!/usr/bin/env bash
# The operator's verbs on the CA's record: list, show, client, crl, audit.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 5 3 >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
"$certpool" revoke client1/2 --reason superseded -q >out
record=ca/state/ca.db
serial=$(openssl x509 -noout -serial -in client1/cert/cert_key1.crt | cut -d= -f2)
serial=${serial,,}

# list
members() { awk 'NR>1 {print $4}' out | xargs; }
expect 0 'list' "$certpool" list
equal 'has a line for each, and a head' 9 "$(wc -l <out)"
expect 0 'of a client' "$certpool" list --client client2
equal 'has its members in the order of issue' 'client2/key1 client2/key2 client2/key3' "$(members | xargs -n1 | sort | xargs)"
expect 0 'of a subject' "$certpool" list --subject 'CN=client?-2'
equal 'has those alone' 'client1/key2 client2/key2' "$(members)"
expect 0 'what is revoked' "$certpool" list --revoked
equal 'is one' client1/key2 "$(members)"
expect 0 'the same by status' "$certpool" list --status revoked --json
check 'JSON has when and why' jq -e '.member=="key2" and .reason=="superseded" and (.revoked_at|fromdate>0) and (.serial|length==40)' out
sqlite3 $record "update certificate set not_after = 1700000000 where client = 'client1' and member = 'key3'"
sqlite3 $record "update certificate set not_after = unixepoch() + 86400 where client = 'client1' and member = 'key4'"
expect 0 'what is expired' "$certpool" list --status expired
equal 'is one' client1/key3 "$(members)"
expect 0 'what is expiring' "$certpool" list --expiring 7d
equal 'is another' client1/key4 "$(members)"
expect 0 'what is valid' "$certpool" list --status valid
equal 'are the rest' 6 "$(members | wc -w)"
expect 0 'by serial' "$certpool" list --serial "${serial^^}"
equal 'is the one' client1/key1 "$(members)"
expect 4 'an unknown serial' "$certpool" list --serial "$(printf '%040x' 1)"
expect 2 'no serial' "$certpool" list --serial 17
expect 2 'two states' "$certpool" list --revoked --expiring 7d
expect 2 'no state' "$certpool" list --status good
expect 0 'nothing' "$certpool" list --client nobody
says 'says so' 'no certificate matches'
silent 'on standard error'
expect 0 'three at most' "$certpool" list --limit 3 --json
equal 'are three' 3 "$(wc -l <out)"
says 'says how to go on' 'there are more: --after [0-9]+ shows the next'
jq -r .serial out >pages
position=$(sed -nE 's/.*--after ([0-9]+) .*/\1/p' err)
expect 0 'the next' "$certpool" list --limit 3 --json --after "$position"
jq -r .serial out >>pages
expect 0 'the last' "$certpool" list --limit 3 --json --after "$(jq -r .position out | tail -1)"
equal 'no more is said' '' "$(cat err)"
jq -r .serial out >>pages
equal 'the pages have all, once' 8 "$(sort -u pages | wc -l)"
expect 2 'no position' "$certpool" list --after x

# A long list is whole in a pipe, cut on a terminal, and ends with its reader. The rows are copies.
sqlite3 $record "create temp table wide as select * from certificate where client = 'client1' and member = 'key1'" \
	"with recursive n(i) as (select 1 union all select i + 1 from n where i < 2500) insert into certificate ($(sqlite3 $record "select group_concat(name) from pragma_table_info('certificate') where name not in ('id', 'serial', 'key_sha256', 'member')"), serial, key_sha256, member) select $(sqlite3 $record "select group_concat('w.' || name) from pragma_table_info('certificate') where name not in ('id', 'serial', 'key_sha256', 'member')"), randomblob(20), randomblob(32), 'key' || (1000 + i) from wide w, n"
equal 'all of a long list' 2509 "$("$certpool" list 2>err | wc -l)"
equal 'without a word' '' "$(cat err)"
equal 'as JSON too' 2508 "$("$certpool" list --json | jq -r .serial | sort -u | wc -l)"
equal 'and 2,100 of it' 2101 "$("$certpool" list --limit 2100 2>err | wc -l)"
says 'which says how to go on' 'there are more: --after'
"$certpool" list 2>err | head -n 1 >out
prints 'the first line is for head' '^SERIAL'
equal 'and it says nothing' '' "$(cat err)"
if command -v script >/dev/null; then
	equal 'on a terminal it is cut' 1002 "$(script -qec "'$certpool' list" /dev/null </dev/null | wc -l)"
else
	skip 'on a terminal it is cut' 'no script(1)'
fi
sqlite3 $record "delete from certificate where cast(substr(member, 4) as integer) > 1000"

# show
expect 0 'show a serial' "$certpool" show "$serial"
prints 'says whose' '^member +client1/key1$'
prints 'says what it is' '^status +valid$'
prints 'says by whom it is' '^issuer +CN=certpool Root CA$'
expect 0 'show a member' "$certpool" show client1/2
prints 'says when it was revoked' '^revoked at +20'
prints 'and why' '^reason +superseded$'
expect 0 'show a file' "$certpool" show client1/cert/cert_key1.crt --json
check 'as JSON' jq -e ".serial==\"$serial\" and .client==\"client1\" and .status==\"valid\" and (.issued_at|fromdate>0)" out
jq -rj .certificate out >again.crt
check 'has the certificate' cmp again.crt client1/cert/cert_key1.crt
expect 0 'as PEM' "$certpool" show client1/1 --pem
check 'is the certificate' cmp out client1/cert/cert_key1.crt
expect 0 'as DER' "$certpool" show client1/1 --der
check 'is what openssl makes of it' cmp out <(openssl x509 -in client1/cert/cert_key1.crt -outform DER)
expect 4 'show an unknown serial' "$certpool" show "$(printf '%040x' 1)"
expect 4 'show an unknown member' "$certpool" show client1/99
expect 2 'show a client' "$certpool" show client1
expect 2 'two forms' "$certpool" show client1/1 --pem --der

# client: changes while the CA serves take effect at once.
expect 0 'client list' "$certpool" client list
equal 'has the manifest'\''s' 'client1 client2' "$(awk 'NR>1 {print $1}' out | xargs)"
expect 0 'client show' "$certpool" client show client1 --json
check 'has its policy' jq -e '.state=="enabled" and (.by_hand|not) and .subject=="CN={client}-{index}" and .certificates==50' out
expect 6 'a client that is there is not added' "$certpool" client add client1
says 'says what to do' 'client set'
expect 4 'one that is not there is not set' "$certpool" client set nobody --certificates 3
expect 2 'nothing to set' "$certpool" client set client1
expect 2 'a policy to show' "$certpool" client show client1 --certificates 3
expect 2 'no such action' "$certpool" client destroy client1
expect 2 'a client without a name' "$certpool" client add
expect 2 'a bad name' "$certpool" client add ../x
expect 2 'the CA as a client' "$certpool" client add ca
expect 2 'no type of key' "$certpool" client set client1 --keys rot13
expect 2 'no alternative name' "$certpool" client set client1 --alt-names nonsense
expect 2 'no template' "$certpool" client set client1 --subject 'CN={nonsense}'
expect 4 'one that is not there is not disabled' "$certpool" client disable nobody
more() { sed -i "s/client1: {pool: {size: [0-9]*}}/client1: {pool: {size: $1}}/" manifest.yaml && "$certpool" request client1 -q >out; }
more 6
expect 0 'disable' "$certpool" client disable client1
expect 6 'who is disabled cannot enroll' "$certpool" enroll client1
says 'and is told so' 'disabled'
equal 'its certificates stand' good "$("$certpool" verify client2 client1/cert/cert_key1.crt --online --json | jq -r .status)"
expect 0 'disable again' "$certpool" client disable client1
says 'says so' 'disabled already'
expect 0 'enable' "$certpool" client enable client1
expect 0 'and it enrolls' "$certpool" enroll client1
more 7
expect 0 'other keys' "$certpool" client set client1 --keys ed25519,rsa-3072
expect 5 'its keys are refused' "$certpool" enroll client1
says 'by the rule' 'policy'
expect 0 'all keys, few certificates' "$certpool" client set client1 --keys all --certificates 4
expect 5 'no more are given' "$certpool" enroll client1
says 'by the rule' 'quota'
expect 0 'enough' "$certpool" client set client1 --certificates 40 --validity 1h --json
check 'JSON has it' jq -e '.by_hand and .certificates==40 and .validity_s==3600' out
expect 0 'and it enrolls' "$certpool" enroll client1
check 'for an hour at most' openssl x509 -in client1/cert/cert_key7.crt -noout -checkend 0
check_not 'and no longer' openssl x509 -in client1/cert/cert_key7.crt -noout -checkend 3601
# The manifest does not override a policy that the operator set; for the other clients it counts.
stop "$ca"
start_ca
equal 'what was set stands' 40 "$("$certpool" client show client1 --json | jq .certificates)"
# A client that is only in the record.
expect 0 'client add' "$certpool" client add client3 --subject 'CN=third-{index}' --alt-names 'DNS:{client}.example,URI:urn:x:{index}' --certificates 2
prints 'prints what it may' '^alt-names +DNS:\{client\}\.example,URI:urn:x:\{index\}$'
expect 0 'it is listed' "$certpool" client list --json
equal 'with the others' 'client1 client2 client3' "$(jq -r .client out | xargs)"
sed -i "2s|http://127.0.0.1:0|$endpoint|" manifest.yaml
expect 0 'it is invited' "$certpool" invite client3 --pool-size 3
check 'with what it may ask for' jq -e '.pool.size==3 and .pool.subject=="CN=third-{index}"' client3.invitation.json
mkdir other
expect 0 'it joins' sh -c "cd other && '$certpool' join ../client3.invitation.json"
expect 0 'it makes its pool' sh -c "cd other && '$certpool' request client3"
expect 5 'it enrolls' sh -c "cd other && '$certpool' enroll client3"
says 'up to its number of certificates' 'quota'
equal 'which are two' 2 "$(count_files other/client3/cert 'cert_key*.crt')"
expect 4 'who is in neither is not invited' "$certpool" invite client4
says 'says what to do' 'client add'
expect 2 '--pool-size is for the CA'\''s' "$certpool" invite client2 --by client1 --pool-size 3

# crl
expect 0 'crl' "$certpool" crl
check 'openssl takes it for the root'\''s' openssl crl -in out -noout -CAfile ca/cert/root.crt
expect 0 'as DER' "$certpool" crl --der -o list.crl
check 'openssl takes that too' openssl crl -inform DER -in list.crl -noout -CAfile ca/cert/root.crt
equal 'for everybody to read' 644 "$(mode list.crl)"
check 'is the one in the layout' cmp list.crl ca/cert/ca.crl
expect 0 'as JSON, which -o - does not change' "$certpool" crl --json -o -
cp out before
check 'JSON has its facts' jq -e '.number>0 and .entries==1 and (.made|not) and (.next_update|fromdate)-(.this_update|fromdate)==86400' before
expect 0 'anew' "$certpool" crl --json --renew -o list.crl
check 'has the next number' jq -se '.[1].number==.[0].number+1 and .[1].made' before out
equal 'in the file too' "$(jq .number out)" "$(printf '%d' "$(openssl crl -in list.crl -noout -crlnumber | cut -d= -f2)")"
expect 2 'two forms' "$certpool" crl --pem --der
expect 6 'into a device' "$certpool" crl -o /dev/null
check 'which is left' test -c /dev/null

# audit
expect 0 'audit list' "$certpool" audit list --json
lines=$(wc -l <out)
check 'is JSON, numbered from 1' jq -se "map(.sequence)==[range(1;$((lines + 1)))]" out
check 'each has the digest of the line before' jq -se '.[0].previous=="0"*64' out
equal 'as sha256sum has it' "$(head -2 out | tail -1 | jq -r .previous)" "$(head -1 out | tr -d '\n' | sha256sum | cut -d' ' -f1)"
for event in started certified refused revoked policy crl; do
	check "it has $event" grep -q "\"event\":\"$event\"" out
done
expect 0 'from a line on' "$certpool" audit list --json --start 5
equal 'has the rest' $((lines - 4)) "$(wc -l <out)"
"$certpool" audit list --json >copy

# The log for people, and parts of it.
expect 0 'the log for people' "$certpool" audit list
prints 'begins with the day' "^$(jq -r '.time[:10]' copy | head -1)$"
prints 'says who did what to whom, and why' '^[0-9:]{8} ca revoked members? client1/2 \(superseded\)$'
prints 'says what a client got' '^[0-9:]{8} client1 certified members [0-9]+, [0-9]+, [0-9]+ … \(5\)$'
prints 'says what was set' '^[0-9:]{8} ca set client1 \(added\): subject '
prints 'says what was refused' '^[0-9:]{8} client1 was refused \(disabled\): '
prints 'says what was made' '^[0-9:]{8} ca made CRL 1$'
equal 'has a line for each event, and the day' $((lines + $(jq -r '.time[:10]' copy | sort -u | wc -l))) "$(wc -l <out)"
expect 0 'of a client' "$certpool" audit list --client client2
check 'has no other' sh -c "! grep -q client1 out"
prints 'and has what it did' 'client2 certified members'
expect 0 'of a client, also what names it by its certificate alone' "$certpool" audit list --client client1 --json
check 'has the revocation' jq -se 'map(select(.event == "revoked")) | length == 1' out
expect 0 'since a time' "$certpool" audit list --since 2100-01-01T00:00:00Z
silent 'that is to come: nothing'
expect 0 'for an hour' "$certpool" audit list --since 1h --json
equal 'has all of it' "$lines" "$(wc -l <out)"
expect 2 'since nonsense' "$certpool" audit list --since yesterday
expect 2 'verify of a client' "$certpool" audit verify --client client1
says 'is refused' 'verify: takes no --client'
"$certpool" audit list --follow --since 2100-01-01T00:00:00Z >past & # nothing to print, so it goes on
past=$!
"$certpool" audit list --follow >followed &
follower=$!
eventually grep -q 'made CRL 1' followed
"$certpool" client disable client2 -q >out
check 'a follower prints what comes' eventually grep -q 'ca set client2 (disabled)' followed
"$certpool" client enable client2 -q >out
kill $past $follower
lines=$((lines + 2))
check 'a follower ends with its reader' timeout 300 sh -c "'$certpool' audit list --follow | head -n 1"
"$certpool" audit list --json >copy
expect 0 'audit verify' "$certpool" audit verify
prints 'says how many, and the last one'\''s digest' "^$lines lines, whole; SHA-256 of the last: $(tail -1 copy | tr -d '\n' | sha256sum | cut -d' ' -f1)$"
expect 0 'as JSON' "$certpool" audit verify --json
check 'JSON has it' jq -e ".verdict==\"valid\" and .lines==$lines" out
expect 0 'a copy' "$certpool" audit verify copy
"$certpool" client disable client3 -q >out
expect 0 'a copy from before' "$certpool" audit verify copy
sed '3s/"time":"20/"time":"19/' copy >bad
expect 3 'a copy with a line changed' "$certpool" audit verify bad
says 'says which' 'line 3'
sed 4d copy >bad
expect 3 'a copy with a line dropped' "$certpool" audit verify bad
says 'says which' 'line 4'
(cat copy && tail -1 copy) >bad
expect 3 'a copy with a line more' "$certpool" audit verify bad
expect 3 'what is no log' sh -c "echo nonsense >bad; '$certpool' audit verify bad"
expect 4 'a copy that is not there' "$certpool" audit verify nowhere
expect 2 'no such action' "$certpool" audit erase

# catalogue 109: exported lines are trimmed from the record, and the chain stays verifiable.
lines=$("$certpool" audit list --json | wc -l)
tomorrow=$(date -u -d tomorrow +%Y-%m-%dT%H:%M:%SZ)
expect 2 'trim without a time' "$certpool" audit trim
expect 2 'export without a file' "$certpool" audit export
expect 2 'verify with --unexported' "$certpool" audit verify --unexported
expect 6 'trim of what was not exported' "$certpool" audit trim --before "$tomorrow"
says 'says which lines, and what to do' "lines 1 to $lines of the audit log were not exported: run certpool audit export FILE first"
expect 2 'an export that would leave a gap' "$certpool" audit export log.1 --start 7
expect 0 'export' "$certpool" audit export log.1
prints 'says which lines' "^lines 1 to $lines exported$"
equal 'the file is for its owner alone' 600 "$(mode log.1)"
equal 'it has the lines' "$lines" "$(wc -l <log.1)"
expect 6 'an export that is there is not overwritten' "$certpool" audit export log.1
expect 0 'trim of an old time' "$certpool" audit trim --before 2020-01-01T00:00:00Z
prints 'trims nothing' '^no line trimmed$'
expect 6 'trim of the export'\''s own line' "$certpool" audit trim --before "$tomorrow"
expect 0 'export the rest' "$certpool" audit export log.2
# The first line of a later second than the first line's: all lines before it go.
jq -s '.[0].time as $first | first(.[] | select(.time > $first))' log.1 >later
expect 0 'trim beside the server' "$certpool" audit trim --before "$(jq -r .time later)" --json
equal 'JSON says how far' "1 to $(($(jq .sequence later) - 1))" "$(jq -r '"\(.first) to \(.last)"' out)"
trimmed=$(jq .last out)
expect 0 'the rest is whole' "$certpool" audit verify
prints 'and says what is trimmed' "^lines 1 to $trimmed are trimmed: their exports have them$"
equal 'it begins later' $((trimmed + 1)) "$("$certpool" audit list --json | head -1 | jq .sequence)"
expect 0 'the exports are whole with it' "$certpool" audit verify log.1 log.2
expect 0 'the first alone' "$certpool" audit verify log.1
sed '2s/"time":"20/"time":"19/' log.1 >bad
expect 3 'an export with a line changed that the record has no more' "$certpool" audit verify bad log.2
expect 1 'check finds what was done to rows' "$certpool" check
check_not 'and misses no line' grep -i 'audit log' out
"$certpool" client disable client3 -q >out
expect 0 'trim for good' "$certpool" audit trim --before "$tomorrow" --unexported
expect 0 'the chain goes on' "$certpool" audit verify
expect 3 'what was not exported is missed' "$certpool" audit verify log.1 log.2
says 'says so' 'neither in the copy nor in the record'
"$certpool" client enable client3 -q >out
stop "$ca"

# A user with write access to the file can change the log, but not undetected.
rm -rf ca client1 client2 manifest.yaml
manifest 5 3 >manifest.yaml
"$certpool" init -q >out
for i in 1 2 3 4 5 6; do "$certpool" client set client1 --certificates $i -q >out; done
lines=$("$certpool" audit list --json | wc -l)
check 'the record is closed' sqlite3 $record 'pragma wal_checkpoint(truncate)'
cp $record kept.db
tamper() { # NAME PATTERN SQL
	rm -f $record-wal $record-shm
	cp kept.db $record
	sqlite3 $record "$3"
	expect 3 "$1" "$certpool" audit verify
	says "$1: says where" "$2"
}
tamper 'a line changed' 'line 3' "update audit set line = replace(line, '\"time\":\"20', '\"time\":\"19') where id = 3"
tamper 'a line dropped' 'line 4' 'delete from audit where id = 4'
tamper 'a line dropped, the rest moved up' 'line 4' 'delete from audit where id = 4;
	update audit set id = -id where id > 4; update audit set id = -id - 1 where id < 0'
tamper 'a line inserted' 'line 4' "update audit set id = -id where id > 3;
	update audit set id = -id + 1 where id < 0; insert into audit (id, line) select 4, line from audit where id = 3"
tamper 'two lines swapped' 'line 3' 'update audit set id = -1 where id = 3;
	update audit set id = 3 where id = 4; update audit set id = 4 where id = -1'
tamper 'the last line dropped' "line $lines" "delete from audit where id = $lines"
tamper 'the last line changed' "line $lines" "update audit set line = replace(line, 'time', 'tame') where id = $lines"
tamper 'a line added' "line $((lines + 1))" "insert into audit (id, line) select $((lines + 1)), line from audit where id = $lines"
tamper 'all lines gone' 'line 1' 'delete from audit'
