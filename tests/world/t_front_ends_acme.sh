#!/usr/bin/env bash
# ACME and EST at two front ends of one record: what was begun at one goes on at the other.
# shellcheck source-path=SCRIPTDIR source=front_ends.sh
. "$(dirname "$0")/front_ends.sh"

scheme=https
port=$(free_port 22000)
cat >manifest.yaml <<-END
	version: 1
	ca: {layout: ca, endpoint: "https://$host:$port", acme: {}$store}
	clients:
	  web: {elsewhere: true, policy: {usages: [server], alt_names: ["DNS:www.example.org"]}}
	  dev: {policy: {usages: [client], subject: "CN=dev-{index}"}}
END
join_second
expect 0 'the credentials of an ACME client' "$certpool" client acme web --json
cp out credentials
password=$("$certpool" client password dev)
start_first
start_second
base=https://$host:$port/acme
export CURL_CA_BUNDLE=$PWD/ca/cert/root.crt
root=$CURL_CA_BUNDLE
# to FRONT OPTION…: curl, to the front end of that URL under the name of the CA.
to() { curl -s --connect-to "$host:$port:${1#https://}" "${@:2}"; }

# --- ACME by hand ---
jq '{kty: "oct", alg: "HS256", k: .hmac}' credentials >binding.jwk
for key in account new; do jose jwk gen -i '{"alg":"ES256"}' -o $key.jwk; done
public() { jose jwk pub -i "$1" | jq -c 'del(.alg, .key_ops)'; }
sign() { printf %s "$3" | jose jws sig -I- -k "$1" -s "{\"protected\":$2}" | jq -c '{protected, payload, signature}'; } # KEY HEADER PAYLOAD
field() { sed -nE "s/^$1: ([^\r]*)\r?\$/\1/pI" headers; }
nonce() { to "$1" -I "$base/new-nonce" | sed -nE 's/^Replay-Nonce: ([^\r]*)\r?$/\1/pI'; }
# ask FRONT URL PAYLOAD [NONCE [KEY]]: with the account's URL, or as KEY; prints the status.
ask() {
	local by="\"kid\":\"${kid-}\""
	[ -z "${5-}" ] || by="\"jwk\":$(public "$5")"
	sign "${5:-account.jwk}" "{\"alg\":\"ES256\",\"nonce\":\"${4:-$(nonce "$1")}\",\"url\":\"$2\",$by}" "$3" >request
	to "$1" -D headers -o answer -w '%{http_code}' -H 'Content-Type: application/jose+json' --data-binary @request "$2"
}
answered() { jq -r "$1" answer; }
binding=$(sign binding.jwk "{\"alg\":\"HS256\",\"kid\":\"web\",\"url\":\"$base/new-account\"}" "$(public account.jwk)")
equal 'an account is made at the first' 201 "$(ask "$first" "$base/new-account" "{\"externalAccountBinding\":$binding}" '' account.jwk)"
kid=$(field Location)
equal 'and is there at the second' '200 valid' "$(ask "$second" "$kid" '') $(answered .status)"
equal 'a nonce of the first is refused at the second' '400 urn:ietf:params:acme:error:badNonce' "$(ask "$second" "$kid" '' "$(nonce "$first")") $(answered .type)"
fresh=$(field Replay-Nonce)
equal 'with another one, which is good there' 200 "$(ask "$second" "$kid" '' "$fresh")"
equal 'but once' '400 urn:ietf:params:acme:error:badNonce' "$(ask "$second" "$kid" '' "$fresh") $(answered .type)"

equal 'an order is made at the second' 201 "$(ask "$second" "$base/new-order" '{"identifiers":[{"type":"dns","value":"www.example.org"}]}')"
order=$(field Location)
authorization=$(answered '.authorizations[0]')
finalize=$(answered .finalize)
equal 'its authorization is valid at the first' '200 valid' "$(ask "$first" "$authorization" '') $(answered .status)"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout www.key -subj / \
	-addext subjectAltName=DNS:www.example.org -outform DER -out www.der 2>openssl.log
csr=$(base64 -w0 www.der | tr '+/' '-_' | tr -d =)
equal 'it is finalized at the first' '200 valid' "$(ask "$first" "$finalize" "{\"csr\":\"$csr\"}") $(answered .status)"
equal 'and valid at the second' '200 valid' "$(ask "$second" "$order" '') $(answered .status)"
equal 'which has the certificate' 200 "$(ask "$second" "$(answered .certificate)" '')"
cp answer www.pem
check 'that openssl verifies' openssl verify -CAfile "$root" www.pem
equal 'and finalizes the order no second time' '403 urn:ietf:params:acme:error:orderNotReady' "$(ask "$second" "$finalize" "{\"csr\":\"$csr\"}") $(answered .type)"
equal 'there is one certificate' 1 "$(certified web)"
der=$(openssl x509 -in www.pem -outform DER | base64 -w0 | tr '+/' '-_' | tr -d =)
equal 'it is revoked at the first' 200 "$(ask "$first" "$base/revoke-cert" "{\"certificate\":\"$der\"}")"
equal 'once, for the second too' '400 urn:ietf:params:acme:error:alreadyRevoked' "$(ask "$second" "$base/revoke-cert" "{\"certificate\":\"$der\"}") $(answered .type)"
inner=$(sign new.jwk "{\"alg\":\"ES256\",\"url\":\"$base/key-change\",\"jwk\":$(public new.jwk)}" "{\"account\":\"$kid\",\"oldKey\":$(public account.jwk)}")
equal 'the account has another key by the second' 200 "$(ask "$second" "$base/key-change" "$inner")"
equal 'the old one counts no more at the first' 403 "$(ask "$first" "$kid" '')"
cp new.jwk account.jwk
equal 'but the new one' 200 "$(ask "$first" "$kid" '')"

# --- lego, through a proxy that gives each connection to another front end ---
start_switch tcp "$host:$port"
lego_with() {
	LEGO_CA_CERTIFICATES=$root lego --path lego --server "$base/directory" --accept-tos --email admin@example.org \
		--eab --kid web --hmac "$(jq -r .hmac credentials)" --http --http.port "$host:$((port + 1))" --domains www.example.org "$@"
}
expect 0 'lego gets a certificate' lego_with run
expect 0 'renews it' lego_with renew --days 1000 --no-random-sleep
expect 0 'and revokes it' lego_with revoke
equal 'all certificates are in the record' 3 "$(certified web)"

# --- EST ---
est() { # FRONT PATH REQUEST OPTION…
	to "$1" -o answer -w '%{http_code}' -H 'Content-Type: application/pkcs10' --data-binary "@$3" "${@:4}" "https://$host:$port/.well-known/est/$2"
}
request() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj /CN=dev-1 -outform DER 2>openssl.log | base64 -w0 >"$1.b64"; }
certificate() { base64 -d answer | openssl pkcs7 -inform DER -print_certs -out "$1"; }
request dev
equal 'EST enrolls at the first' 200 "$(est "$first" simpleenroll dev.b64 -u "dev:$password")"
certificate dev.crt
equal 'the same request at the second' 200 "$(est "$second" simpleenroll dev.b64 -u "dev:$password")"
certificate again.crt
check 'has the same certificate' cmp dev.crt again.crt
request new
equal 'which renews itself at the second' 200 "$(est "$second" simplereenroll new.b64 --cert dev.crt --key dev.key)"
certificate new.crt
check 'into one that openssl verifies' openssl verify -purpose sslclient -CAfile "$root" new.crt
expect 0 'its client is disabled at the second' at2 "$certpool" client disable dev
equal 'and refused at the first' 403 "$(request more && est "$first" simpleenroll more.b64 -u "dev:$password")"
equal 'two certificates came of it' 2 "$(certified dev)"
expect 0 'the audit logs have no gap' "$certpool" audit verify
for server in "$first_server" "$second_server"; do stop "$server"; done
