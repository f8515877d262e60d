#!/usr/bin/env bash
# Eight clients at two front ends of one record, each asking for the same keys at both at once.
# catalogue 61, 62, 89, 90, 127
# shellcheck source-path=SCRIPTDIR source=front_ends.sh
. "$(dirname "$0")/front_ends.sh"

size=40
{
	echo 'clients:'
	for i in {1..8}; do echo "  client$i: {pool: {size: $size, batch_size: 8}, policy: {requests_per_minute: 1000}}"; done
	echo "  thrifty: {pool: {size: $size, batch_size: 8}, policy: {certificates: $size, requests_per_minute: 1000}}"
	echo "  late: {pool: {size: 400, batch_size: 5}, policy: {requests_per_minute: 1000}}"
	echo "  busy: {pool: {size: 400, batch_size: 5}, policy: {requests_per_minute: 1000}}"
	echo "  spread: {pool: {size: $size, batch_size: 5}, policy: {requests_per_minute: 1000}}"
} >pools
{
	printf 'version: 1\nca: {layout: ca, endpoint: "http://127.0.0.1:9"%s}\n' "$store"
	cat pools
} >manifest.yaml
join_second
start_first
start_second
check 'both serve' eventually both_serve
expect_whole() {
	expect 0 "$1" "$certpool" audit verify
	prints 'both of them' 'of all 2 front ends: [0-9]+ lines, whole'
}

# --- the same keys at both, in other groupings ---
mkdir twin
{
	printf 'version: 1\nca: {endpoint: "http://127.0.0.1:9"}\n'
	sed 's/batch_size: 8/batch_size: 7/' pools
} >twin/manifest.yaml
cp -r thrifty twin
for client in client{1..8} thrifty late busy spread; do "$certpool" request "$client" -q >>out 2>&1; done
cp -r client? twin
fronts=("$first" "$second")
enroll_at() { # FRONT FOLDER CLIENT
	(cd "$2" && CERTPOOL_CA=$1 "$certpool" enroll "$3" -q) >"$2/$3.log" 2>&1
}
askers=()
for i in {1..8}; do
	enroll_at "${fronts[i % 2]}" . "client$i" &
	askers+=($!)
	enroll_at "${fronts[(i + 1) % 2]}" twin "client$i" &
	askers+=($!)
done
answered=0
for asker in "${askers[@]}"; do wait "$asker" && answered=$((answered + 1)); done
equal 'all sixteen are answered' 16 "$answered"
equal 'each key is certified once' $((8 * size)) "$(certified client{1..8})"
equal 'and is one key' $((8 * size)) "$(ask_record ca "select count(distinct key_sha256) from certificate where client like 'client%'")"
equal 'with a serial of its own' "$(rows)" "$(ask_record ca 'select count(distinct serial) from certificate')"
for i in {1..8}; do
	check "client$i has the same certificates from both" diff -r "client$i/cert" "twin/client$i/cert"
done
expect_whole 'the audit logs have no gap'

# --- a quota ---
(cd twin && "$certpool" request thrifty -q) >>out 2>&1
enroll_at "$first" . thrifty &
askers=($!)
enroll_at "$second" twin thrifty &
askers+=($!)
wait "${askers[@]}"
equal 'who asks at both for twice his quota has it once' $size "$(certified thrifty)"
equal 'in his two pools together' $size $(($(count_files thrifty/cert 'cert_key*.crt') + $(count_files twin/thrifty/cert 'cert_key*.crt')))

# --- a client that is barred ---
enroll_at "$first" . late &
asker=$!
some() { [ "$(certified late)" -ge 20 ]; }
eventually some
expect 0 'a client that enrolls at the first is disabled at the second' at2 "$certpool" client disable late
barred=$(certified late)
wait "$asker"
equal 'and is given nothing more from then on' "$barred" "$(certified late)"

# --- revoked while others enroll ---
enroll_at "$second" . busy &
asker=$!
ocsp() { openssl ocsp -issuer ca/cert/root.crt -cert "client1/cert/cert_key$2.crt" -url "$1/ocsp" -CAfile ca/cert/root.crt 2>/dev/null; }
late_ones=
for i in {1..10}; do
	if [ $((i % 2)) = 0 ]; then at2 "$certpool" revoke "client1/key$i" -q >>out; else "$certpool" revoke "client1/key$i" -q >>out; fi
	for front in "$first" "$second"; do
		ocsp "$front" "$i" | grep -q ': revoked' || late_ones+=" key$i"
	done
done
equal 'what one revokes is revoked at both from then on' '' "$late_ones"
wait "$asker"
equal 'and the other client has its pool' 400 "$(count_files busy/cert 'cert_key*.crt')"
expect 3 'the status says so too' env CERTPOOL_CA="$first" "$certpool" verify client2 client1/cert/cert_key10.crt --online
crl_lists_all() {
	local front
	for front in "${fronts[@]}"; do
		curl -s -o crl.der "$front/crl" && [ "$(openssl crl -inform DER -in crl.der -noout -text | grep -c 'Serial Number')" = 10 ] || return
	done
}
check 'and the CRLs of both' eventually crl_lists_all

# --- the CRL of both: a front end has it a round after it is in the record ---
ask_record ca 'create table public.round (front_end bigint)' >out
ask_record ca "create function public.note_round() returns trigger language plpgsql as
	'begin insert into public.round values (new.id); return null; end'" >out
ask_record ca 'create trigger note_round after update of heartbeat_at on front_end for each row execute function public.note_round()' >out
rounds() { ask_record ca "select count(*) from public.round where front_end = $1"; }
expect 0 'one more is revoked' "$certpool" revoke client1/key11
begun=$(date +%s%N)
rounds_before=("$(rounds 1)" "$(rounds 2)")
crl_has() { curl -s -o crl.der "$1/crl" && [ "$(openssl crl -inform DER -in crl.der -noout -text | grep -c 'Serial Number')" = 11 ]; }
has_passed() { [ "$(rounds "$1")" -ge $((rounds_before[$1 - 1] + 2)) ]; }
for front in 1 2; do
	until crl_has "${fronts[front - 1]}" || has_passed $front; do :; done
	echo "# front end $front has it in its CRL $((($(date +%s%N) - begun) / 1000000)) ms after revoke, at most"
	eventually has_passed $front
	check "the CRL of front end $front has it with its next round" crl_has "${fronts[front - 1]}"
done

# --- one enrolment, spread over both ---
start_switch http "$host:0"
expect 0 'a client enrolls through a proxy that gives each request to another' env CERTPOOL_CA="http://$switch" "$certpool" enroll spread
equal 'with its whole pool' $size "$(certified spread)"
expect 0 'the log' "$certpool" audit list
for front in ca1 ca2; do prints "says that $front certified a part" "^[0-9:]+ $front: .*spread"; done
expect_whole 'and has no gap'
expect 0 'the CA is well' "$certpool" check
for server in "$first_server" "$second_server"; do
	stop "$server"
	equal 'a front end ends in order' 0 "$stopped"
done
