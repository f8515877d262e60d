# shellcheck shell=bash disable=SC2154
# An ACME client of a few lines, with jose and curl, for scripts that have sourced lib.sh. They set $base to the
# directory's URL without /directory, and have account.jwk, binding.jwk (acme_binding) and $kid, the account's URL.

# acme_binding CREDENTIALS: the key of an external account binding, out of what `client acme --json` prints.
acme_binding() { jq '{kty: "oct", alg: "HS256", k: .hmac}' "$1" >binding.jwk; }
# nonce: a fresh one, of the last answer or of new-nonce.
nonce() {
	local fresh
	fresh=$(sed -nE 's/^Replay-Nonce: ([^\r]*)\r?$/\1/p' headers 2>/dev/null)
	: >headers
	[ -n "$fresh" ] || fresh=$(curl -s -I "$base/new-nonce" | sed -nE 's/^Replay-Nonce: ([^\r]*)\r?$/\1/p')
	echo "$fresh"
}
# sign KEY HEADER PAYLOAD: a flattened JWS.
sign() { printf %s "$3" | jose jws sig -I- -k "$1" -s "{\"protected\":$2}" | jq -c '{protected, payload, signature}'; }
# send URL FILE: posts it; prints the status, writes answer and headers.
send() { curl -s -D headers -o answer -w '%{http_code}' -H 'Content-Type: application/jose+json' --data-binary "@$2" "$1"; }
# ask URL PAYLOAD: as the account $kid with account.jwk.
ask() {
	sign account.jwk "{\"alg\":\"ES256\",\"nonce\":\"$(nonce)\",\"url\":\"$1\",\"kid\":\"$kid\"}" "$2" >request
	send "$1" request
}
public() { jose jwk pub -i "$1" | jq -c 'del(.alg, .key_ops)'; }
# ask_by_key KEY URL PAYLOAD: with the public key in the header.
ask_by_key() {
	sign "$1" "{\"alg\":\"ES256\",\"nonce\":\"$(nonce)\",\"url\":\"$2\",\"jwk\":$(public "$1")}" "$3" >request
	send "$2" request
}
# binding KEY KID URL: an external account binding of that account key.
binding() { sign binding.jwk "{\"alg\":\"HS256\",\"kid\":\"$2\",\"url\":\"$3\"}" "$(public "$1")"; }
problem() { jq -r '.type | sub("urn:ietf:params:acme:error:"; "")' answer; }
field() { sed -nE "s/^$1: ([^\r]*)\r?\$/\1/p" headers; }
refuses() { # NAME STATUS TYPE FOUND-STATUS
	equal "$1" "$2 $3" "$4 $(problem)"
}
csr() { # KEY NAMES SUBJECT: the DER in base64url
	openssl req -new -key "$1" -subj "$3" ${2:+-addext "subjectAltName=$2"} -outform DER | base64 -w0 | tr '+/' '-_' | tr -d =
}
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }
