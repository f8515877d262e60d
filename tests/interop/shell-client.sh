#!/usr/bin/env bash
# A certpool client in shell, which needs only curl, jose and openssl; docs/protocol.md explains each
# step. It works in the layout of one node, the current directory, which holds Private/shared_PEER.jwk
# for each peer and the pinned root, cert/root.crt (certpool init and certpool join make them).
#
#   shell-client.sh enroll NAME CA_URL N                     part 1: N members
#   shell-client.sh send NAME PEER PEER_URL MEMBER TEXT      part 2: a message signed by one member
#   shell-client.sh status NAME CA_URL CERTIFICATE           part 3: prints good, expired, unknown …
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# JSON by jose's own tool: prints a member of an object; adds a member, a string, to an object.
member() { jose fmt -j "$1" -g "$2" -u-; }
add() { jose fmt -j "$1" -q "$3" -s "$2" -U -o-; }

base64url() { jose b64 enc -I-; }
fresh_jti() { openssl rand 16 | base64url; }

# ask PEER URL TYPE JTI [CTY] <PLAINTEXT: encrypts the plaintext under the key shared with the peer,
# posts it, checks that the answer is to this request, and prints the answer's plaintext.
ask() {
	local peer=$1 url=$2 type=$3 jti=$4 cty=${5:+,\"cty\":\"$5\"} key=Private/shared_$1.jwk kid answer

	cat >"$work/plaintext"
	kid=$(member "$key" kid)
	jose jwe enc -c -k "$key" -I "$work/plaintext" -o "$work/request" \
		-i '{"protected":{"alg":"A256KW","enc":"A256GCM","kid":"'"$kid"'","typ":"'"$type"'"'"$cty"'}}'
	curl --silent --show-error --fail --noproxy '*' -H 'Content-Type: application/jose' \
		--data-binary "@$work/request" -o "$work/answer" "$url"
	jose jwe dec -k "$key" -i "$work/answer" -O "$work/answer.json"
	answer=$(cat "$work/answer.json")

	# The tag authenticates the header too, so its type cannot have been changed.
	[ "$(cut -d. -f1 "$work/answer" | jose b64 dec -i- | jose fmt -j- -g typ -u-)" = "$type.answer" ]
	[ "$(member "$answer" iss)" = "$peer" ]
	[ "$(member "$answer" in_reply_to)" = "$jti" ]
	[ "$(member "$answer" request_sha256)" = "$(openssl dgst -sha256 -binary "$work/request" | base64url)" ]
	printf '%s\n' "$answer"
}

# claims AUDIENCE JTI: prints the first members of a request's plaintext.
claims() {
	printf '{"iss":"%s","aud":"%s","iat":%d,"jti":"%s"' "$name" "$1" "$(date +%s)" "$2"
}

enroll() {
	local ca_url=$1 count=$2 jti requests='{}' answer certificates chain i

	for i in $(seq "$count"); do
		(umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
			-out "Private/private_key$i.key" 2>/dev/null)
		openssl req -new -key "Private/private_key$i.key" -subj "/CN=$name-$i" \
			-out "CSR_file/csr_key$i.csr"
		requests=$(add "$requests" "key$i" "$(cat "CSR_file/csr_key$i.csr")")
	done

	jti=$(fresh_jti)
	answer=$( (claims ca "$jti" && printf ',"requests":%s}' "$requests") |
		ask ca "$ca_url/v1/certificates" certpool.certificates "$jti")

	# Nothing is saved before each certificate matches its key and chains to the pinned root, through
	# the answer's chain if the CA issues under an intermediate.
	chain=()
	if jose fmt -j "$answer" -g chain -o- >"$work/chain" 2>/dev/null; then
		jose fmt -j "$work/chain" -g 0 -u "$work/ca.crt"
		chain=(-untrusted "$work/ca.crt")
	fi
	certificates=$(jose fmt -j "$answer" -g certificates -o-)
	for i in $(seq "$count"); do
		member "$certificates" "key$i" >"$work/$i.crt"
		cmp <(openssl x509 -in "$work/$i.crt" -noout -pubkey) \
			<(openssl pkey -in "Private/private_key$i.key" -pubout)
		openssl verify -x509_strict -CAfile cert/root.crt "${chain[@]}" "$work/$i.crt" >/dev/null
	done
	[ ${#chain[@]} -eq 0 ] || cp "$work/ca.crt" cert/ca.crt
	for i in $(seq "$count"); do
		cp "$work/$i.crt" "cert/cert_key$i.crt"
		echo "cert/cert_key$i.crt"
	done
}

# A P-256 private key as JWK: openssl's DER has d in octets 8 to 39, and ends with x and y.
signer_jwk() {
	openssl ec -in "$1" -outform DER -out "$work/key.der" 2>/dev/null
	printf '{"kty":"EC","crv":"P-256","d":"%s","x":"%s","y":"%s"}' \
		"$(tail -c +8 "$work/key.der" | head -c 32 | base64url)" \
		"$(tail -c 64 "$work/key.der" | head -c 32 | base64url)" \
		"$(tail -c 32 "$work/key.der" | base64url)"
}

send() {
	local peer=$1 peer_url=$2 i=$3 text=$4 jti x5c answer

	jti=$(fresh_jti)
	# The signer's certificate, then its issuer's unless that is the root.
	x5c=\"$(openssl x509 -in "cert/cert_key$i.crt" -outform DER | openssl base64 -A)\"
	[ ! -f cert/ca.crt ] || x5c+=,\"$(openssl x509 -in cert/ca.crt -outform DER | openssl base64 -A)\"
	(umask 077 && signer_jwk "Private/private_key$i.key" >"$work/signer.jwk")
	printf '%s' "$text" >"$work/text"
	answer=$(jose jws sig -c -k "$work/signer.jwk" -I "$work/text" -o- \
		-s "{\"protected\":{\"alg\":\"ES256\",\"typ\":\"certpool.message\",\"x5c\":[$x5c],$(
			claims "$peer" "$jti" | tail -c +2)}}" |
		ask "$peer" "$peer_url/v1/messages" certpool.message "$jti" jose)

	member "$answer" verdict
	[ "$(member "$answer" verdict)" = verified ] || { member "$answer" reason && return 3; }
}

status() {
	local ca_url=$1 certificate=$2 jti answer

	jti=$(fresh_jti)
	answer=$( (claims ca "$jti" && printf ',"certificate":%s}' "$(jose fmt -q "$(cat "$certificate")" -o-)") |
		ask ca "$ca_url/v1/status" certpool.status "$jti")
	member "$answer" status
}

verb=$1 name=$2
shift 2
case $verb in
enroll | send | status) "$verb" "$@" ;;
*) echo "usage: $0 enroll|send|status NAME …" >&2 && exit 2 ;;
esac
