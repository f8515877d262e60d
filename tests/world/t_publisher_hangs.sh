#!/usr/bin/env bash
# A front end that hangs while it makes a CRL, for longer than its lease: it changes nothing afterwards.
# shellcheck source-path=SCRIPTDIR source=front_ends.sh
. "$(dirname "$0")/front_ends.sh"

manifest 6 1 >manifest.yaml
join_second
start_first
start_second
check 'both serve' eventually both_serve
CERTPOOL_CA=$first "$certpool" request client1 -q >out && CERTPOOL_CA=$first "$certpool" enroll client1 -q >out
number() { ask_record ca 'select crl_number from state'; }
lease() { ask_record ca "select holder, token, ends_at > extract(epoch from clock_timestamp()) from lease where name = 'crl'"; }
crl_of() { curl -s "$1/crl" | openssl crl -inform DER -noout -text; }
lists() { crl_of "$1" | grep -c 'Serial Number'; } # FRONT
all_list() { [ "$(lists "$first") $(lists "$second")" = "$1 $1" ]; }
revoke() { # MEMBER: in the record alone, as by a front end that was killed before its CRL
	ask_record ca "update certificate set revoked_at = issued_at, reason = 1 where client = 'client1' and member = 'key$1';
		update state set revision = revision + 1"
}
revoke 1
check 'a CRL has what was revoked' eventually all_list 1

# The signer of the first hangs, and so the first in the middle of its next CRL, under its lease; the second hangs
# meanwhile, so that it is the first that makes it.
signer=$(pgrep -P "$first_server")
kill -STOP "$second_server"
stopped_now() { [ "$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status")" = T ]; }
eventually stopped_now "$second_server"
kill -STOP "$signer"
eventually stopped_now "$signer"
before=$(number)
revoke 2
publishing() { [[ "$(lease)" = '1|'*'|t' ]]; }
check 'the first has the lease, and hangs' eventually publishing
token=$(lease | cut -d'|' -f2)
kill -STOP "$first_server"
eventually stopped_now "$first_server"
ask_record ca "update lease set ends_at = 1 where name = 'crl'"
kill -CONT "$second_server"
has_second() { [ "$(lists "$second")" = 2 ]; }
check 'after its lease the second makes the CRL' eventually has_second
second_number=$(number)
check 'of a higher number' test "$second_number" -gt "$before"
check 'under a lease of its own' test "$(lease | cut -d'|' -f1)" = 2 -a "$(lease | cut -d'|' -f2)" -gt "$token"
crl_of "$second" >made
kill -STOP "$second_server"
eventually stopped_now "$second_server"

# The first goes on.
kill -CONT "$signer" "$first_server"
check 'the first finds that its lease is over' eventually grep -q 'the lease "crl" ended before its work was done' first.err
equal 'and has changed nothing' "$second_number" "$(number)"
has_same() { crl_of "$first" >same && cmp -s made same; }
check 'and serves the CRL of the second' eventually has_same
kill -CONT "$second_server"
revoke 3
check 'the next CRL is of both again' eventually all_list 3
expect 0 'the audit logs have no gap' "$certpool" audit verify
expect 0 'the CA is well' "$certpool" check
for server in "$first_server" "$second_server"; do
	stop "$server"
	equal 'a front end ends in order' 0 "$stopped"
done
