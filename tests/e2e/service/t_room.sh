#!/usr/bin/env bash
# A disk that fills: certificates stop in time, so that revocations go on.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

mkdir small
if ! mount -t tmpfs -o size=16m tmpfs small 2>check.log; then
	skip 'a small disk' 'tmpfs cannot be mounted here'
	exit 0
fi
sed 's|{layout: ca,|{layout: small/ca, free_space: 2097152,|' <(manifest 20 1) >manifest.yaml
"$certpool" init -q >out
"$certpool" request client1 -q >out
start_ca
expect 0 'enroll with room' "$certpool" enroll client1
sed -i 's/size: 20/size: 25/' manifest.yaml
"$certpool" request client1 -q >out
"$certpool" enroll client1 --export more.jwe -q >out

status() { curl -s -o body -w '%{http_code}' "$@"; }
post() { status -H 'Content-Type: application/jose' --data x "$CERTPOOL_CA/v1/certificates"; }
# left KIB: fills the disk up to so much.
left() {
	rm -f small/filler
	truncate -s 0 small/filler
	local free
	free=$(df --output=avail -k small | tail -1)
	fallocate -l $(((free - $1) * 1024)) small/filler
}
listed() { openssl crl -inform DER -noout -text -in <(curl -s "$CERTPOOL_CA/crl") | grep -c 'Serial Number'; }

equal 'with room the CA is well' 200 "$(status "$CERTPOOL_CA/health")"
equal 'and looks at requests' 400 "$(post)"

# catalogue 109: less than free_space
left 1900
equal 'without room a request is refused before it is looked at' 503 "$(post)"
check 'with the reason' grep -qE "the CA's disk has 1[0-9]+ KiB left, expected 2048: it issues no certificate until there is room, and goes on revoking" body
equal 'health says so' 503 "$(status "$CERTPOOL_CA/health")"
check 'with the part' grep -qF '"reasons":["disk"]' body
expect 7 'sign refuses too' "$certpool" sign more.jwe
says 'with the reason' 'issues no certificate until there is room'
rows_before=$(rows small/ca)

# catalogue 109: a revocation needs little
left 300
for i in 1 2 3; do expect 0 "revoke with little room: $i" "$certpool" revoke client1/$i; done
expect 0 'a client revokes its own' "$certpool" revoke --ca "$CERTPOOL_CA" --as client1 4
four_listed() { [ "$(listed)" -eq 4 ]; }
check 'they are on the CRL' eventually four_listed
equal 'OCSP knows' revoked "$("$certpool" verify client2 client1/cert/cert_key1.crt --online --json | jq -r .status)"
equal 'nothing was issued' "$rows_before" "$(rows small/ca)"
# catalogue 71, 109: one kibibyte
left 0
equal 'health does not say ok on a full disk' 503 "$(status "$CERTPOOL_CA/health")"

# A client that waits gets its certificates once there is room.
left 1000
refusals() { grep -c '/v1/certificates: 503: ' serve.err; }
before=$(refusals)
refused_again() { [ "$(refusals)" -gt "$before" ]; }
"$certpool" enroll client1 >enroll.out 2>enroll.err &
enroll=$!
check 'the client is refused' eventually refused_again
rm small/filler
check 'and tries until there is room' wait $enroll
equal 'it has all' 25 "$(count_files client1/cert 'cert_key*.crt')"
equal 'the CA is well again' 200 "$(status "$CERTPOOL_CA/health")"

# What prune frees inside the record counts, for half of free_space: it does not take the room of revocations.
sqlite3 small/ca/state/ca.db "with recursive n(i) as (values (1) union all select i + 1 from n where i < 2500)
	insert into certificate (serial, key_sha256, client, member, subject, issued_at, not_before, not_after, der)
	select randomblob(20), randomblob(32), 'client1', 'key' || i, 'CN=old', 1000, 1000, 2000, zeroblob(600) from n"
left 1500
equal 'while the record is full of what has ended, certificates are refused' 503 "$(post)"
rm small/filler
expect 0 'when that is pruned' "$certpool" prune --older-than 1s
prints 'as it says' '^2500 certificates'
left 1500
equal 'they are not' 400 "$(post)"
equal 'and the CA is well' 200 "$(status "$CERTPOOL_CA/health")"
left 900
equal 'but half of the room has to be free on the disk' 503 "$(post)"
rm small/filler

# catalogue 71: the end of a quota (EDQUOT) is no failure of the disk: the record goes on.
strace -f -o trace -e inject=pwrite64:error=EDQUOT:when=1..2 -p "$ca" 2>tracer &
tracer=$!
check 'the CA is traced' eventually grep -q attached tracer
lines=$(wc -l <serve.err)
expect 1 'a quota that is used up' "$certpool" revoke --ca "$CERTPOOL_CA" --as client1 5
kill $tracer
wait $tracer 2>check.log
check 'is logged as such' grep -q 'ca\.db: the disk is full' <(tail -n "+$((lines + 1))" serve.err)
expect 0 'with room it goes on' "$certpool" revoke --ca "$CERTPOOL_CA" --as client1 5
equal 'the CA is well' 200 "$(status "$CERTPOOL_CA/health")"
stop "$ca"
umount small
