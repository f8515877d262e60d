#!/usr/bin/env bash
# Part 3 by OCSP: verify --ocsp, and other clients' requests to the CA at /ocsp.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 4 1 >manifest.yaml
"$certpool" init -q >out
start_ca
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
url=$CERTPOOL_CA/ocsp
root=client1/cert/root.crt
member() { echo "client1/cert/cert_key$1.crt"; }
ocsp_rows() { ask_record ca "select count(*) from certificate where client = 'ca' and member = 'ocsp'"; }

equal 'a CA that nobody asked has no responder' 0 "$(ocsp_rows)"
expect 0 'a certificate that stands' "$certpool" verify client2 "$(member 1)" --ocsp "$url"
prints 'is good' ': good: CN=client1-1'
expect 0 'without a client' "$certpool" verify --trusted $root "$(member 1)" --ocsp "$url"
expect 0 'as JSON' "$certpool" verify --trusted $root "$(member 1)" --ocsp "$url" --json
equal 'JSON has what the responder said' good "$(jq -r .ocsp out)"
equal 'its certificate is in the record, once' 1 "$(ocsp_rows)"
expect 0 'and is found in order there' "$certpool" check
# catalogue 125
ask_record ca "select hex(der) from certificate where client = 'ca' and member = 'ocsp'" | basenc --base16 -d >responder.der
expect 3 'as a member'\''s' "$certpool" verify client2 responder.der
says 'it is refused' "certpool expects no id-kp-OCSPSigning in a member's certificate"

# catalogue 59, 60
expect 0 'one is revoked' "$certpool" revoke client1/2 --reason keyCompromise
expect 3 'at once' "$certpool" verify client2 "$(member 2)" --ocsp "$url"
says 'it is told when and why' 'the OCSP responder says: revoked at 20.*Z \(keyCompromise\)'
expect 3 'as JSON' "$certpool" verify client2 "$(member 2)" --ocsp "$url" --json
check 'JSON has it too' jq -e '.verdict=="invalid" and .ocsp=="revoked"' out
expect 0 'the others stand' "$certpool" verify client2 "$(member 1)" --ocsp "$url"

# catalogue 52: a certificate that is not in the record is unknown, never good
ask_record ca "delete from certificate where client = 'client1' and member = 'key3'"
expect 3 'what the record does not have' "$certpool" verify client2 "$(member 3)" --ocsp "$url"
says 'is unknown' 'the OCSP responder says: unknown'

# Requests made by curl.
fetch() { curl --silent --show-error --noproxy '*' -D head "$@" -o body; }
openssl ocsp -issuer $root -cert "$(member 1)" -no_nonce -reqout plain.der >/dev/null
openssl ocsp -issuer $root -cert "$(member 1)" -reqout nonce.der >/dev/null
encoded() { openssl base64 -A -in "$1" | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g'; }
check 'GET is answered' fetch "$url/$(encoded plain.der)"
check 'with 200' grep -q '^HTTP/1.1 200' head
check 'and its type' grep -qi '^Content-Type: application/ocsp-response' head
check 'it may be kept' grep -qiE '^Cache-Control: .*max-age=[1-9]' head
check 'until then' grep -qi '^Expires: ' head
cp body first
check 'a POST of the same' fetch -H 'Content-Type: application/ocsp-request' --data-binary @plain.der "$url"
check 'has the same answer' cmp body first
check 'GET with a nonce' fetch "$url/$(encoded nonce.der)"
check_not 'may not be kept' grep -qiE '^Cache-Control: .*max-age=[1-9]' head
check 'what is no request' fetch "$url/abc"
equal 'is malformedRequest' '30030a0101' "$(od -An -tx1 body | tr -d ' \n')"
check 'under 200' grep -q '^HTTP/1.1 200' head
# catalogue 26: a body over the limit
head -c 70000 /dev/zero >large
# The client does not send a body after its refusal: else the refusal may be lost with the connection.
check 'a body that is too large' fetch --expect100-timeout 60 -H 'Expect: 100-continue' -H 'Content-Type: application/ocsp-request' --data-binary @large "$url"
check 'is 413' grep -q '^HTTP/1.1 413' head
check 'a type that is none' fetch -H 'Content-Type: text/plain' --data-binary @plain.der "$url"
check 'is 415' grep -q '^HTTP/1.1 415' head

# catalogue 56: an unreachable responder, or another answer, leaves the status undetermined
expect 7 'a path that is not there' "$certpool" verify client2 "$(member 1)" --ocsp "$CERTPOOL_CA/nowhere"
says 'cannot tell' 'cannot tell whether the certificate is revoked: .*404'
expect 7 'a path that serves something else' "$certpool" verify client2 "$(member 1)" --ocsp "$CERTPOOL_CA/root.crt"
silent 'nothing is called good'
expect 2 'a URL that cannot be asked' "$certpool" verify client2 "$(member 1)" --ocsp ftp://127.0.0.1/
says 'says which can' 'http://HOST'
ask_record ca 'alter table state rename to gone'
expect 7 'a record that fails' "$certpool" verify client2 "$(member 1)" --ocsp "$url"
says 'says what it said' 'internalError'
check 'the CA says why in its log' grep -qE 'no such table|a table of the CA.s record is missing' serve.err
ask_record ca 'alter table gone rename to state'
expect 0 'a record that works again' "$certpool" verify client2 "$(member 1)" --ocsp "$url"
kill -STOP "$ca"
expect 7 'a CA that hangs' "$certpool" verify client2 "$(member 1)" --ocsp "$url"
kill -CONT "$ca"
stop "$ca"
equal 'the CA stops in order' 0 "$stopped"
expect 7 'a CA that is gone' "$certpool" verify client2 "$(member 1)" --ocsp "$url"
says 'says what to do' 'ask again later, or another responder'
expect 3 'what is invalid anyhow needs nobody' "$certpool" verify client2 $root --ocsp "$url"

# The responder's key was only in the CA's memory: the next CA process makes another.
start_ca
expect 0 'after a restart' "$certpool" verify client2 "$(member 1)" --ocsp "$CERTPOOL_CA/ocsp"
equal 'there is another responder' 2 "$(ocsp_rows)"
keys=(root.key shared_client1.jwk shared_client2.jwk)
[ -z "$store" ] || keys=(front_end.key "${keys[@]}" store.jwk)
equal 'of which no key is on disk' "$(printf '%s\n' "${keys[@]}")" "$(find ca/Private -type f -printf '%f\n' | sort)"
