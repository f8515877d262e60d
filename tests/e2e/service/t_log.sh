#!/usr/bin/env bash
# The log of serve: a line for what each client was given, JSON for programs, and nothing of what strangers
# look for in vain.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 5 3 >manifest.yaml
"$certpool" init -q >out
"$certpool" request client1 -q >out

# uses: what a client, another one and strangers do.
uses() {
	rm -rf client1/cert/cert_key*.crt
	"$certpool" enroll client1 -q >out 2>err
	"$certpool" verify client1 client1/cert/cert_key1.crt --online >out
	"$certpool" revoke --as client1 --ca "$CERTPOOL_CA" 2 3 -q >out 2>err
	curl -s -o answer "$CERTPOOL_CA/favicon.ico"
	curl -s -o answer -H "X: $(head -c 100000 /dev/zero | tr '\0' x)" "$CERTPOOL_CA/health"
}

start_ca
uses
stop "$ca"
logged() { check "$1" grep -qE -- "$2" serve.err; }
logged 'what was certified is a line, with the time that it took' 'Z POST /v1/certificates: 200: client1: certified 5 in [0-9]+ ms$'
logged 'so is a question' 'Z POST /v1/status: 200: client1: told the status of a certificate in [0-9]+ ms$'
logged 'and a revocation' 'Z POST /v1/revocations: 200: client1: revoked 2 in [0-9]+ ms$'
logged 'what libmicrohttpd says is there' 'HTTP response code is 431\)'
check_not 'without a page of HTML' grep -qi '<html' serve.err
check_not 'what strangers look for is not' grep -q favicon serve.err

start_ca --verbose
uses
stop "$ca"
logged 'with --verbose it is' 'GET /favicon.ico: 404: '

start_ca --quiet
uses
stop "$ca"
equal 'with --quiet there is nothing but what went wrong' '' "$(grep -E 'in [0-9]+ ms|listening' serve.err)"

start_ca --json --verbose
uses
kill -HUP "$ca"
eventually grep -q SIGHUP serve.err
stop "$ca"
check 'with --json every line is an object, with time, level and message' \
	jq -se 'length > 5 and all(.[]; (.time | fromdate > 0) and (.level | IN("error", "warning", "info", "debug")) and (.message | length > 0))' serve.err
check 'of a request it has method, path and status' \
	jq -se 'any(.[]; .level == "info" and .method == "POST" and .path == "/v1/certificates" and .status == 200 and (.message | test("^client1: certified [0-9]+ in")))' serve.err
check 'a stranger is at level debug' jq -se 'any(.[]; .level == "debug" and .path == "/favicon.ico")' serve.err
check 'libmicrohttpd too' jq -se 'any(.[]; (.message | test("response code is 431")) and (.path | not))' serve.err
check 'and a note' jq -se 'any(.[]; .level == "info" and (.message | test("^SIGHUP: manifest.yaml")))' serve.err

# A receiver's log is the same.
start_receiver client2 --json
"$certpool" send client1 client2 bonjour --endpoint "$inbox" -q >out
curl -s -o answer --data-binary nonsense -H 'Content-Type: application/jose' "$inbox/v1/messages"
stop "$receiver"
check 'a receiver'\''s log is JSON too' jq -se 'any(.[]; .level == "warning" and .status == 400)' receive.err

# What ends a server is a line of its log, too.
mv ca/cert/root.crt root.crt
expect 4 'a server that cannot start' "$certpool" serve --json
check 'says why in JSON' jq -se 'length == 1 and .[0].level == "error" and (.[0].message | test("cert/root.crt: expected"))' err
expect 2 'one that was not told what to do' "$certpool" receive --json
says 'has no log yet' "^certpool receive: expected a client.s name"
