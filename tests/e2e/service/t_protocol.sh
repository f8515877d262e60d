#!/usr/bin/env bash
# Requests to the CA from a client other than certpool, made by jose and curl: accepted and refused.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 2 1 >manifest.yaml
"$certpool" init -q >out
for client in client1 client2; do "$certpool" request $client -q >out; done
start_ca
"$certpool" enroll client2 -q >out

opened() { jose jwe dec -i answer -k client1/Private/shared_ca.jwk; }
plaintext() { # ISS AUD [SECONDS]: client1's requests, of so many seconds from now
	jq -cn --arg iss "$1" --arg aud "$2" --argjson iat $(($(date +%s) + ${3-0})) --arg jti "$(jti)" \
		--rawfile key1 client1/CSR_file/csr_key1.csr --rawfile key2 client1/CSR_file/csr_key2.csr \
		'{iss: $iss, aud: $aud, iat: $iat, jti: $jti, requests: {key1: $key1, key2: $key2}}'
}
batch() { plaintext "$@" | seal client1/Private/shared_ca.jwk certpool.certificates; }

# refused NAME TYPE ISS AUD [SECONDS]
refused() {
	batch "${@:3}" >request.jwe
	equal "$1: is answered" 200 "$(post /v1/certificates request.jwe)"
	equal "$1: is refused" "$2" "$(opened | jq -r .error.type)"
}
before=$(rows)
# catalogue 63, 64
refused 'a request of an hour ago' stale client1 ca -3600
refused 'a request of an hour hence' stale client1 ca 3600
# catalogue 67: client1's key with client2's name
refused 'a request in another'\''s name' not_for_us client2 ca
refused 'a request to another node' not_for_us client1 client2
for missing in iat jti aud iss requests; do
	plaintext client1 ca | jq -c "del(.$missing)" | seal client1/Private/shared_ca.jwk certpool.certificates >request.jwe
	equal "a request without $missing: is answered" 200 "$(post /v1/certificates request.jwe)"
	equal "a request without $missing: is refused" malformed "$(opened | jq -r .error.type)"
done
plaintext client1 ca | sed 's/"iss"/"iss":"client1","iss"/' | seal client1/Private/shared_ca.jwk certpool.certificates >request.jwe
post /v1/certificates request.jwe >code
equal 'a request with a member twice is refused' malformed "$(opened | jq -r .error.type)"
equal 'nothing was certified for all these' "$before" "$(rows)"

# catalogue 61: the same request, octet for octet, twice
batch client1 ca >request.jwe
equal 'a request is answered' 200 "$(post /v1/certificates request.jwe)"
opened | jq -S .certificates >first
check 'with two certificates' jq -e 'length == 2' first
equal 'the answer names the request' "$(sha256sum request.jwe | cut -c1-64)" \
	"$(opened | jq -r .request_sha256 | tr -- '-_' '+/' | sed 's/$/=/' | base64 -d | od -An -tx1 | tr -d ' \n')"
equal 'the same again is answered' 200 "$(post /v1/certificates request.jwe)"
opened | jq -S .certificates >second
check 'with the same certificates' cmp first second
equal 'and nothing is recorded anew' $((before + 2)) "$(rows)"
# catalogue 63: also for certified keys
refused 'an old request for certified keys' stale client1 ca -3600
expect 0 'certpool takes over what was certified' "$certpool" enroll client1
equal 'as it is' "$(jq -r .key1 first)" "$(cat client1/cert/cert_key1.crt)"

# catalogue 19, 21: every request that cannot be decrypted gets the same answer
cannot() { # NAME FILE [PATH]
	equal "$1: is refused" 400 "$(post "${3-/v1/certificates}" "$2")"
	[ -e uniform ] || cp answer uniform
	check "$1: with the answer that all have" cmp uniform answer
}
plaintext client1 ca | seal client2/Private/shared_client1.jwk certpool.certificates >wrong.jwe
cannot 'an unknown key' wrong.jwe
jq --arg kid "$(jq -r .kid client1/Private/shared_ca.jwk)" '.kid = $kid' client2/Private/shared_client1.jwk >wrong.jwk
plaintext client1 ca | seal wrong.jwk certpool.certificates >wrong.jwe
cannot 'a wrong key' wrong.jwe
plaintext client1 ca | seal client1/Private/shared_ca.jwk certpool.status >wrong.jwe
cannot 'another type' wrong.jwe
cannot 'another type for the other path' request.jwe /v1/status
sed 's/\./x./' request.jwe >wrong.jwe
cannot 'an altered header' wrong.jwe
cut -d. -f1-4 request.jwe >wrong.jwe
cannot 'four parts' wrong.jwe
echo '{"protected":"e30"}' >wrong.jwe
cannot 'JSON serialisation' wrong.jwe
cp answer reflected.jwe
post /v1/certificates request.jwe >code
cp answer reflected.jwe
# catalogue 23: an answer sent back
cannot 'an answer sent back' reflected.jwe

# Plain HTTP. catalogue 26
equal 'GET /health' '200' "$(curl -s -o answer -w '%{http_code}' "$CERTPOOL_CA/health")"
check 'GET /root.crt is the root' cmp <(curl -s "$CERTPOOL_CA/root.crt") ca/cert/root.crt
equal 'an unknown path' 404 "$(curl -s -o answer -w '%{http_code}' "$CERTPOOL_CA/nowhere")"
equal 'GET where POST is' 405 "$(curl -s -o answer -w '%{http_code}' "$CERTPOOL_CA/v1/certificates")"
equal 'another content type' 415 "$(curl -s -o answer -w '%{http_code}' -H 'Content-Type: text/plain' -d x "$CERTPOOL_CA/v1/certificates")"
truncate -s 17M large
equal 'a body over the limit' 413 "$(post /v1/certificates large)"
check 'each refusal is a problem' jq -e .title answer
check 'the CA still stands' kill -0 "$ca"
