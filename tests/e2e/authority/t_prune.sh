#!/usr/bin/env bash
# prune: it removes certificates that expired long ago from the record, and nothing else.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

cat >manifest.yaml <<-END
	version: 1
	ca: {layout: ca, endpoint: "http://127.0.0.1:0", crl: {validity: 2h}$store}
	clients:
	  client1: {pool: {size: 6}, policy: {validity: 1h}}
	  client2: {pool: {size: 4}, endpoint: "http://127.0.0.1:0"}
	  client3: {pool: {size: 60, batch_size: 5}}
END
# at OFFSET: prints the path of a certpool with another clock.
here=$certpool
at() { certpool=$here clocked "at$1" "$1" && echo "$PWD/at$1"; }
# client1's certificates expire after an hour: that is three hours ago.
certpool=$(at -4h)
"$certpool" init -q >out
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
"$certpool" request client3 -q >out
"$certpool" revoke client1/2 client2/2 -q >out
stop "$ca"
certpool=$(at -2h)
start_ca
cp client1/cert/cert_key1.crt one.crt
# attested_since TIME: whether the record has a client's request of that time or later, which attests the clock.
attested_since() { [ "$(ask_record ca 'select attested_at from state')" -ge "$(date -d "$1" +%s)" ]; }
spent() { ask_record ca 'select count(*) from spent_key'; }
status_of() { "$certpool" verify client2 "$1" --online --json 2>/dev/null | jq -r .status; }

equal 'an expired one is known' expired "$(status_of one.crt)"
check 'the request attests the clock' eventually attested_since '-130 minutes'

expect 2 'no duration' "$certpool" prune --older-than soon
expect 0 'prune' "$certpool" prune
prints 'leaves for 90 days what has ended' '^0 certificates that ended before .* pruned$'
before=$("$certpool" audit list --json | wc -l)
"$certpool" crl --renew -q -o crl.pem
expect 0 'a dry run' "$certpool" prune --older-than 1s --dry-run
prints 'says how many would go' '^5 certificates that ended before .* would be pruned$'
prints 'and how many stay for the CRL' '^1 more is revoked'
expect 0 'as JSON' "$certpool" prune --older-than 1s -n --json
check 'too' jq -e '.certificates==5 and .kept==1 and .dry_run' out
equal 'nothing has changed' '10 0' "$(rows) $(spent)"

expect 0 'while the CA serves' "$certpool" prune --older-than 1s
prints 'says how many went' '^5 certificates that ended before .* pruned$'
equal 'they are gone, their keys are kept' '5 5' "$(rows) $(spent)"
equal 'what lives is not' good "$(status_of client2/cert/cert_key1.crt)"
equal 'what was pruned is unknown' unknown "$(status_of one.crt)"
check 'what was revoked is on the CRL' grep -q 'Serial Number' <(openssl crl -noout -text -in <("$certpool" crl))
check 'the log has what went' jq -se "[.[] | select(.event==\"pruned\") | .serials[]] | length==5" <("$certpool" audit list --json)
check 'and all that it had' test "$("$certpool" audit list --json | wc -l)" -gt "$before"
expect 0 'the log is whole' "$certpool" audit verify
expect 0 'the record too' "$certpool" check
expect 0 'again' "$certpool" prune --older-than 1s --json
check 'nothing is left' jq -e '.certificates==0 and (.dry_run|not)' out

# No key is certified twice, also after its certificate is pruned.
rm client1/cert/cert_key1.crt
expect 5 'a key that was pruned' "$certpool" enroll client1
says "is spent" "member 1: refused .key_spent.: .*make another key"
equal 'and not certified' 0 "$(ask_record ca "select count(*) from certificate where client = 'client1' and member = 'key1'")"

# A revoked certificate is pruned once a CRL made after its expiry has been replaced.
"$certpool" crl --renew -q -o crl.pem
number=$(openssl crl -noout -crlnumber -in crl.pem | cut -d= -f2)
# The CRL has expired.
stop "$ca"
certpool=$here
start_ca
equal 'it is still known' revoked "$(status_of client1/cert/cert_key2.crt)"
check 'by a request under the clock of now' eventually attested_since '-10 minutes'
expect 0 'once no CRL needs it' "$certpool" prune --older-than 1s
check_not 'and the log of signatures has no line of what was pruned before' grep -qFe "$(openssl x509 -in one.crt -noout -serial | cut -d= -f2 | tr A-F a-f)" ca/state/signed.log
check 'but of what lives' grep -qFe "$(openssl x509 -in client2/cert/cert_key1.crt -noout -serial | cut -d= -f2 | tr A-F a-f)" ca/state/signed.log
prints 'what was revoked goes too' '^1 certificate that'
"$certpool" crl -q -o next.pem
check 'the next CRL is a new one' test $((0x$(openssl crl -noout -crlnumber -in next.pem | cut -d= -f2 | sed 's/^0x//'))) -gt $((0x${number#0x}))
equal 'and has what lives alone' 1 "$(openssl crl -noout -text -in next.pem | grep -c 'Serial Number')"
expect 0 'the record is whole' "$certpool" check

# Many certificates, while a client enrolls; and prune killed in between. catalogue 76
fill() {
	ask_record ca "with recursive n(i) as (values (1) union all select i + 1 from n where i < $1)
		insert into certificate (serial, key_sha256, client, member, subject, issued_at, not_before, not_after, der)
		select randomblob(20), randomblob(32), 'client1', 'key' || i, 'CN=old', 1000, 1000, 2000, randomblob(1) from n" >out
}
live=$(rows)
kept=$(spent)
fill 20000
# At one of its commits, of which each has 1,000 at most.
(ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e inject=fdatasync:signal=KILL:when=20 "$certpool" prune -q; exit $?) >out 2>err
check 'it was killed in the middle' test "$(spent)" -gt "$kept" -a "$(spent)" -lt $((kept + 20000))
equal 'killed, every key is still in one place' $((live + kept + 20000)) "$(($(rows) + $(spent)))"
expect 0 'and the log is whole' "$certpool" audit verify
"$certpool" enroll client3 -q >enroll.out 2>&1 &
enrolling=$!
expect 0 'it goes on' "$certpool" prune --json
check 'while a client enrolls' wait $enrolling
equal 'which has all that it asked for' 60 "$(count_files client3/cert 'cert_key*.crt')"
equal 'what lives stays' "$((live + 60)) $((kept + 20000))" "$(rows) $(spent)"
check 'no line of the log has more than 1000' jq -se 'map(.serials // [] | length) | max==1000' <("$certpool" audit list --json)
[ -n "$store" ] || size=$(stat -c %s ca/state/ca.db)
fill 5000
stop "$ca"
[ -n "$store" ] || check 'the space is used again' test "$(stat -c %s ca/state/ca.db)" -le "$((size * 11 / 10))"

# Without the CA's key there is no CRL; pruned certificates stay pruned.
mv ca/Private/root.key root.key
expect 0 'without the key' "$certpool" prune
says 'there is no CRL' 'are pruned, but the CRL could not be made'
prints 'but they are gone' '^5000 certificates'
