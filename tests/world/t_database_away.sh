#!/usr/bin/env bash
# The database is gone for an hour, and more, by the CA's clock: what is served on, and what is refused.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
[ -n "${CERTPOOL_TEST_POSTGRESQL-}" ] || exec "$(dirname "$0")/../postgresql.sh" bash "$0"
. "$(dirname "$0")/../e2e/lib.sh"

port=$(free_port 23000)
cat >manifest.yaml <<-END
	version: 1
	ca: {layout: ca, root_layout: root, endpoint: "https://$host:$port", acme: {}, crl: {validity: 2h}, ocsp: {requests_per_minute: 1000000}$store}
	clients:
	  client1: {pool: {size: 3}, policy: {requests_per_minute: 1000000}}
	  client2: {pool: {size: 3}}
	  dev: {policy: {usages: [client]}}
END
# The CA's clock is as far ahead as a file says (t_clock.sh).
right=$certpool
clocked clocked "$PWD/clock"
set_clock() { move_clock clock "$1"; }
"$right" init -q >out
# Clients have the CA's clock.
certpool=$PWD/clocked
start serve serve
ca=$server
export CURL_CA_BUNDLE=$PWD/root/cert/root.crt
for client in client1 client2; do "$certpool" request $client -q >out && "$certpool" enroll $client -q >out; done
password=$("$certpool" client password dev)
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout dev.key -subj /CN=dev-1 -outform DER 2>out | base64 -w0 >dev.b64
openssl ocsp -issuer ca/cert/ca.crt -cert client1/cert/cert_key1.crt -no_nonce -reqout ocsp.req >out 2>err

# status PATH OPTION…: of the answer, whose head is in head.
status() { curl -s -o body -D head -w '%{http_code}' "${@:2}" "$endpoint/$1"; }
post_est() { status .well-known/est/simpleenroll -u "dev:$password" -H 'Content-Type: application/pkcs10' --data-binary @dev.b64; }
post_ocsp() { status ocsp -H 'Content-Type: application/ocsp-request' --data-binary @ocsp.req; }
refused() { # NAME STATUS: 503, and when to ask again
	equal "$1" 503 "$2"
	check "$1: and when to ask again" grep -qiE '^retry-after: [0-9]+' head
}
number() { openssl crl -inform DER -in body -noout -crlnumber; }
is_health() { [ "$(status health)" = "$1" ]; }
check 'the CA is well' eventually is_health 200
equal 'its CRL is served' 200 "$(status crl)"
before=$(number)

# --- away ---
address="host=127.0.0.1 port=$port_of_database user=certpool dbname=postgres"
go_away() {
	mv "$socket/.s.PGSQL.$port_of_database" "$socket/gone"
	psql -qAt "$address" -c "select pg_terminate_backend(pid) from pg_stat_activity where datname = '$database'" >out
}
come_back() { mv "$socket/gone" "$socket/.s.PGSQL.$port_of_database"; }
served() { # HOW LONG
	local path
	for path in crl root.crt ca.crt ca.cer root.crl; do equal "after $1 the CA serves /$path" 200 "$(status $path)"; done
}
refuses() { # HOW LONG
	refused "after $1 /health is 503" "$(status health)"
	refused "after $1 EST is refused" "$(post_est)"
	sign_account
	refused "after $1 ACME is refused" "$(status acme/new-account -H 'Content-Type: application/jose+json' --data-binary @account.request)"
	post_ocsp >out
	check "after $1 OCSP says tryLater" grep -q trylater <(openssl ocsp -respin body -noverify 2>&1)
}
rm client1/cert/cert_key2.crt
jose jwk gen -i '{"alg":"ES256"}' -o account.jwk
sign_account() {
	local nonce
	nonce=$(curl -s -I "$endpoint/acme/new-nonce" | sed -nE 's/^Replay-Nonce: ([^\r]*)\r?$/\1/pI')
	printf '{"onlyReturnExisting":true}' | jose jws sig -I- -k account.jwk \
		-s "{\"protected\":{\"alg\":\"ES256\",\"nonce\":\"$nonce\",\"url\":\"$endpoint/acme/new-account\",\"jwk\":$(jose jwk pub -i account.jwk | jq -c 'del(.alg, .key_ops)')}}" |
		jq -c '{protected, payload, signature}' >account.request
}
go_away
is_gone() { is_health 503 && grep -q 'no commit for [0-9]* s' body; }
check 'without its database the CA is not well' eventually is_gone
served 'seconds'
refuses 'seconds'

# Memory does not grow with what is refused.
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$ca/status"; }
many() { # N: of everything
	local path
	for path in health crl root.crt; do curl -s -o /dev/null "$endpoint/$path?[1-$1]"; done
	curl -s -o /dev/null -H 'Content-Type: application/ocsp-request' --data-binary @ocsp.req "$endpoint/ocsp?[1-$1]"
	curl -s -o /dev/null -u "dev:$password" -H 'Content-Type: application/pkcs10' --data-binary @dev.b64 "$endpoint/.well-known/est/simpleenroll?[1-$1]"
}
many 100
early=$(resident)
many 500
check 'its memory stays as it is' test "$(resident)" -le $((early + 8192))
sanitized || check 'below 64 MB' test "$(resident)" -le 65536

set_clock 3600
hour_passed() { [ "$(status metrics)" = 200 ] && awk -v now="$(date +%s)" '/^certpool_clock_jumps_total 1/ { found = 1 } END { exit !found }' body; }
check 'an hour later' eventually hour_passed
served 'an hour'
refuses 'an hour'
expect 7 'a client that enrolls asks again for a while' "$certpool" enroll client1
says 'and says why' '503'
set_clock 7500
ended() { [ "$(status crl)" = 503 ]; }
check 'the CRL is served until its nextUpdate' eventually ended
check 'and then when to ask again' grep -qiE '^retry-after: [0-9]+' head
equal 'the root is served on' 200 "$(status root.crt)"

# --- and back ---
come_back
check 'the CA recovers by itself' eventually is_health 200
fresh() { [ "$(status crl)" = 200 ] && [ "$(number)" != "$before" ]; }
check 'with a new CRL' eventually fresh
expect 0 'it certifies again' "$certpool" enroll client1
equal 'by EST too' 200 "$(post_est)"
expect 0 'the CA is well' "$certpool" audit verify
stop "$ca"
equal 'it ends in order' 0 "$stopped"
