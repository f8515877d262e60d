#!/usr/bin/env bash
# A CA whose clock was wrong, and is right again. catalogue 94, 106
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 4 2 >manifest.yaml
right=$certpool
clocked clocked "$PWD/clock"
certpool=$PWD/clocked
# set_clock OFFSET: how far ahead the clock is.
set_clock() { move_clock clock "$1"; }

"$right" init -q >out
start_ca
for client in client1 client2; do
	"$right" request $client -q >out && "$right" enroll $client -q >out
done
root=ca/cert/root.crt
member() { echo "client1/cert/cert_key$1.crt"; }
"$right" revoke client1/1 -q >out

logged() { grep -qE -- "$1" serve.err; }
metric() { grep -qxF -- "$1" <(curl -s "$CERTPOOL_CA/metrics"); }
health() { curl -s -w ' %{http_code}' "$CERTPOOL_CA/health" | tr -d '\n'; }
# warns REGEX: whether health has one warning alone, like that, and no problem.
warns() { curl -sf "$CERTPOOL_CA/health" | jq -e --arg like "$1" '.status == "ok" and .reasons == [] and (.warnings | length == 1 and (.[0] | test($like)))'; }
fetch() { curl -s "$CERTPOOL_CA/crl" -o crl.der && openssl crl -inform DER -in crl.der -noout -crlnumber -lastupdate >crl.txt; }
number() { echo $((16#$(sed -n 's/^crlNumber=\(0x\)\?//p' crl.txt))); }
# seconds_ahead: how far the thisUpdate of the CRL just fetched is in the future.
seconds_ahead() { echo $(($(date -d "$(sed -n 's/^lastUpdate=//p' crl.txt)" +%s) - $(date +%s))); }
# An OCSP answer without a nonce, which the CA keeps; openssl looks at its times.
openssl ocsp -issuer $root -cert "$(member 2)" -no_nonce -reqout ocsp.req >out 2>err
ask_ocsp() { curl -s -H 'Content-Type: application/ocsp-request' --data-binary @ocsp.req "$CERTPOOL_CA/ocsp" -o ocsp.der; }
ocsp_is() { openssl ocsp -issuer $root -cert "$(member 2)" -no_nonce -respin ocsp.der -CAfile $root 2>&1 | grep -qFe "$1"; }

equal 'a CA whose clock is right warns of nothing' '{"status":"ok","reasons":[],"warnings":[]} 200' "$(health)"
check 'and has counted no jump' metric 'certpool_clock_jumps_total 0'
check 'nor a CRL from the future' metric 'certpool_crls_from_future_total 0'
fetch
before=$(number)

# The clock of the running CA jumps ahead by four years.
set_clock 1460d
check 'a jump ahead is logged' eventually logged 'clock: the clock jumped by 126[0-9]+ s, to 203'
check 'and is a warning, which says what to do' warns '^the clock jumped by 126[0-9]+ s, to 203[0-9-]+T[0-9:]+Z, expected at most 60 s: if it is wrong now, set it right; .*: certpool list$'
check 'and counted' metric 'certpool_clock_jumps_total 1'
ahead() { fetch && [ "$(seconds_ahead)" -gt 100000000 ]; }
check 'its CRL is from the future' eventually ahead
ahead=$(number)
check 'and has a higher number' test "$ahead" -gt "$before"
ask_ocsp
check 'so is its OCSP answer' ocsp_is 'Status times invalid'
expect 7 'no verifier takes that CRL' "$right" verify client2 "$(member 2)" --crl "$CERTPOOL_CA/crl"
says 'for it is from the future' 'in the future'

# The clock is set right.
set_clock 0
check 'the jump back is logged' eventually logged 'clock: the clock jumped by -126[0-9]+ s'
now() { fetch && [ "$(seconds_ahead)" -lt 300 ]; }
check 'the CRL has the right time at once' eventually now
check 'and a higher number' test "$(number)" -gt "$ahead"
check 'that it replaced one from the future is logged' eventually logged '/crl: CRL number [0-9]+ replaces one from the future, whose thisUpdate is 203'
check 'and counted' eventually metric 'certpool_crls_from_future_total 1'
check 'the jumps too' metric 'certpool_clock_jumps_total 2'
check 'the audit log has it' grep -q '"event":"crl","by":"ca","detail":"the one before was from the future: its thisUpdate is 203' <("$right" audit list --json)
check 'the warning stays for a day, of what came last' warns '^(the clock jumped by -126|CRL number [0-9]+ replaces one from the future, .*: then set it right$)'
expect 0 'verifiers take the CRL' "$right" verify client2 "$(member 2)" --crl "$CERTPOOL_CA/crl"
expect 3 'and what is revoked is on it' "$right" verify client2 "$(member 1)" --crl "$CERTPOOL_CA/crl"
openssl crl -inform DER -in crl.der -out crl.pem
check 'openssl takes it too' openssl verify -crl_check -CAfile $root -CRLfile crl.pem "$(member 2)"
ask_ocsp
check 'the OCSP answer kept from then is dropped' ocsp_is ': good'
check_not 'for one with the right time' ocsp_is 'Status times invalid'
expect 0 'the record is whole' "$right" check

# prune under a clock ahead, though the CA has made CRLs and has started under it: nothing that lives goes.
record() { ask_record ca 'select count(*), count(revoked_at), (select count(*) from spent_key) from certificate'; }
attested() { [ "$(ask_record ca 'select attested_at from state')" -gt 0 ]; }
check 'the requests of clients attested the right clock' eventually attested
before=$(record)
set_clock 1460d
expect 0 'prune under a clock that is ahead' "$certpool" prune --older-than 1s -q
prints 'prunes nothing' '^0 certificates that ended before'
says 'says why, and what to do when the clock is right' 'nothing is pruned: no client.s request of the last 30 days attests .* it is 203.* now: if that is right, say --clock-is-right'
expect 0 'as JSON' "$certpool" prune --older-than 1s --json
check 'too' jq -e '.certificates == 0' out
equal 'all that lives is there' "$before" "$(record)"
set_clock 29d
expect 0 'prune under a clock that is ahead by days' "$certpool" prune --older-than 1s
equal 'measures by the last request, not by its clock' "$before" "$(record)"
set_clock 0
check 'the CRL is right again' eventually now

# A server that is started under a wrong clock, and later under the right one; and one CRL by hand.
stop "$ca"
set_clock 1460d
start_ca
check 'a CRL under a clock ahead' eventually ahead
stop "$ca"
set_clock 0
expect 1 'check finds it' "$right" check
prints 'and says what to do' 'ca.crl: .*it is from the future: the clock was ahead when it was made.*: run certpool crl --renew'
expect 0 'that helps' "$right" crl --renew --json
check 'with the right time' jq -e '.made and (.this_update | fromdate) - now < 300' out
says 'and says why' 'the CRL before was from the future: its thisUpdate is 203'
expect 0 'check is content' "$right" check

# A CA that was idle for months has no event by another clock; it goes on all the same.
set_clock 80d
start_ca
rm client2/cert/cert_key2.crt client2/CSR_file/csr_key2.csr client2/Private/private_key2.key
"$certpool" request client2 -q >out
expect 0 'a CA that was idle for months certifies' "$certpool" enroll client2
idle() { fetch && [ "$(seconds_ahead)" -gt 6900000 ]; }
check 'and makes its CRL' eventually idle
expect 0 'which its clients take' "$certpool" verify client2 "$(member 2)" --crl "$CERTPOOL_CA/crl"
equal 'it warns of nothing' '{"status":"ok","reasons":[],"warnings":[]} 200' "$(health)"
stop "$ca"
set_clock 200d
expect 0 'and prune' "$certpool" prune
says 'waits for a client, or for the operator' 'say --clock-is-right'
expect 0 'who says so' "$certpool" prune --clock-is-right
prints 'and has it done' '^[1-9][0-9]* certificates that ended before .* pruned$'
