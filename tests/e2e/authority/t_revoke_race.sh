#!/usr/bin/env bash
# Revoking while other processes revoke, ask and enroll; and killed in the middle. catalogue 90
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

size=2000
cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://127.0.0.1:0"$store}
clients:
  client1: {pool: {size: $size, batch_size: 50}, policy: {certificates: 100000, requests_per_minute: 20}}
  client2: {pool: {size: 40}}
  client3: {pool: {size: 10}}
END
jobs=()
record=ca/state/ca.db
"$certpool" init -q >out
start_ca
for client in client1 client2 client3; do "$certpool" request $client -q >out; done
"$certpool" enroll client2 -q >out && "$certpool" enroll client3 -q >out

# A read-only connection does not checkpoint the write-ahead log.
query() { if [ -n "$store" ]; then ask_record ca "$1"; else sqlite3 -readonly $record "$1"; fi; }
change() { ask_record ca "$1"; }
crl_serials() { openssl crl -in <("$certpool" crl) -noout -text | sed -nE 's/.*Serial Number: ([0-9A-F]+)$/\L\1/p' | sort; }
status_of() { "$certpool" verify client3 "$1" --online --json 2>/dev/null | jq -r .status; }

# Twenty processes: the operator and the client revoke, others make CRLs and ask. Members overlap.
run_job() { # LOG COMMAND…
	local log=$1
	shift
	"$@" >"$log" 2>&1 &
	jobs+=($!)
}
ask() { for member in $(seq 15); do status_of "client2/cert/cert_key$member.crt"; done; }
for i in 1 2 3 4 5; do
	run_job "revoke.$i" "$certpool" revoke "client2/$i" "client2/$((i + 5))" --reason keyCompromise
	run_job "as.$i" "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 "$((i + 5))" "$((i + 10))"
	run_job "made.$i" "$certpool" crl --renew -o "crl.$i"
	run_job "asked.$i" ask
done
failed=0
for job in "${jobs[@]}"; do wait "$job" || failed=$((failed + 1)); done
equal 'all twenty succeed' 0 "$failed"
equal 'fifteen members are revoked' 15 "$(query "select count(*) from certificate where client = 'client2' and revoked_at is not null")"
equal 'each was heard to be good or revoked, and nothing else' '' "$(cat asked.* | grep -vxE 'good|revoked')"
equal 'each CRL that was made has a number of its own' "$(cat crl.* | grep -c BEGIN)" \
	"$(for crl in crl.*; do openssl crl -in "$crl" -noout -crlnumber; done | sort -u | wc -l)"
equal 'the CRL has what the record has' "$(query 'select lower(hex(serial)) from certificate where revoked_at is not null order by 1')" "$(crl_serials)"
for member in $(seq 16); do
	expected=revoked
	[ "$member" -le 15 ] || expected=good
	equal "member $member is $expected" $expected "$(status_of "client2/cert/cert_key$member.crt")"
done
equal 'each is told as revoked once' 15 "$(cat revoke.* as.* | grep -c ': revoked at')"

# A client is revoked while it enrolls: no certificate of it stays valid. The enrolment cannot be
# complete by then: it makes 40 requests, of which the rate allows 20 at once.
"$certpool" enroll client1 -q >enroll.out 2>&1 &
enrolling=$!
some_enrolled() { [ "$(count_files client1/cert 'cert_key*.crt')" -ge 50 ]; }
eventually some_enrolled
expect 0 'a client is revoked while it enrolls' "$certpool" revoke client1 --yes -q
wait $enrolling
enrolled=$?
check 'its enrolment fails' test $enrolled -ne 0
check 'and it is told why' grep -q revoked enroll.out
expect 6 'it asks in vain later' "$certpool" enroll client1 -q
issued=$(query "select count(*) from certificate where client = 'client1'")
check 'some were issued before, and not all' test "$issued" -ge 50 -a "$issued" -lt $size
equal 'every one of them is revoked in the record' 0 "$(query "select count(*) from certificate where client = 'client1' and revoked_at is null")"
crl_serials >on_crl
equal 'and on the CRL' '' "$(query "select lower(hex(serial)) from certificate where client = 'client1'" | sort | comm -23 - on_crl)"
for file in client1/cert/cert_key*.crt; do cat "$file"; done >all.pem
openssl crl2pkcs7 -nocrl -certfile all.pem | openssl pkcs7 -print_certs -text -noout | grep -A1 'Serial Number:' |
	grep -oE '([0-9a-f]{2}:){19}[0-9a-f]{2}' | tr -d : | sort >held
check 'the client has some' test -s held
equal 'each of which is on the CRL' '' "$(comm -23 held on_crl)"
for file in $(find client1/cert -name 'cert_key*.crt' | shuf -n 10); do
	equal "the CA says so of ${file##*/}" revoked "$(status_of "$file")"
done
expect 0 'the log is whole' "$certpool" audit verify

# Killed in the middle of revoking a whole pool: all certificates are revoked, or none.
unrevoke() {
	change "update certificate set revoked_at = null, reason = null where client = 'client1'"
	change "update client set revoked_at = null, reason = null where name = 'client1'"
}
unrevoke
stop "$ca"
if [ -z "$store" ]; then
	sqlite3 $record 'pragma wal_checkpoint(truncate)' >out
	cp $record kept.db
	cp ca/cert/ca.crl kept.crl
fi
begin_anew() {
	if [ -n "$store" ]; then unrevoke; return; fi
	rm -f $record-wal $record-shm
	cp kept.db $record
	cp kept.crl ca/cert/ca.crl
}
for delay in 0.002 0.005 0.008 0.01 0.012 0.015 0.018 0.02 0.025 0.03 0.04 0.05; do
	begin_anew
	"$certpool" revoke client1 --yes -q >out 2>&1 &
	sleep "$delay"
	kill -KILL $! 2>/dev/null
	wait $! 2>/dev/null
	found=$(query "select count(*) || '/' || (select count(revoked_at) from client where name = 'client1')
		from certificate where client = 'client1' and revoked_at is not null")
	case $found in
	0/0) pass "killed after $delay s: nothing is revoked" ;;
	"$issued"/1) pass "killed after $delay s: all is revoked" ;;
	*) fail "killed after $delay s" "of $issued, and the client: $found" ;;
	esac
	expect 0 'the log is whole' "$certpool" audit verify
done
expect 0 'the next one finishes it' "$certpool" revoke client1 --yes -q
equal 'all is revoked then' 0 "$(query "select count(*) from certificate where client = 'client1' and revoked_at is null")"
crl_serials >on_crl
equal 'and on the CRL' '' "$(query "select lower(hex(serial)) from certificate where client = 'client1'" | sort | comm -23 - on_crl)"
