#!/usr/bin/env bash
# The jose command line and npm's jose open the messages that certpool writes, and certpool opens
# theirs. Without node the npm half is skipped.
npm=$(dirname "$(realpath "$0")")/npm
. "$(dirname "$0")/../e2e/lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://127.0.0.1:0"}
clients:
  p256: {pool: {size: 1}}
  p384: {pool: {size: 1, key: ecdsa-p384}}
  ed25519: {pool: {size: 1, key: ed25519}}
  rsa: {pool: {size: 1, key: rsa-2048}}
  client2: {pool: {size: 1}, endpoint: "http://127.0.0.1:0"}
END
clients='p256 p384 ed25519 rsa'
"$certpool" init -q >/dev/null
start_ca
start_receiver client2
for name in $clients; do
	expect 0 "$name: request" "$certpool" request "$name"
	expect 0 "$name: enroll" "$certpool" enroll "$name"
	expect 0 "$name: writes a message" "$certpool" send "$name" client2 --output "$name.jwe" "bonjour from $name"

	# This jose has no EdDSA, so only the JWE is opened.
	expect 0 "$name: jose opens it" jose jwe dec -k "$name/Private/shared_client2.jwk" -i "$name.jwe" -O "$name.jws"
	equal "$name: jose finds M" "bonjour from $name" "$(cut -d. -f2 "$name.jws" | jose b64 dec -i-)"
done

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	skip "npm's jose" 'there is no node here'
	exit 0
fi
cp "$npm"/* .
check "npm's jose is installed" npm ci --no-audit --no-fund --ignore-scripts
message() { node message.mjs "$@"; }
for name in $clients; do
	key=$name/Private/shared_client2.jwk
	expect 0 "$name: npm's jose opens the message" message open "$key" "$name.jwe"
	equal "$name: npm's jose finds M" "bonjour from $name" "$(cat out)"
	message write "$key" "$name/Private/private_key1.key" "$name/cert/cert_key1.crt" \
		"$name" client2 "hello from $name" >"$name.npm.jwe" 2>err
	expect 0 "$name: certpool opens what npm's jose wrote" \
		"$certpool" send "$name" client2 --endpoint "$inbox" --deliver "$name.npm.jwe"
	check "$name: client2 printed it" grep -qx "hello from $name" receive.out
done

# catalogue 7, 8: messages that npm's jose can write and certpool must not open
sed 's/alg, *$/alg, jku: "http:\/\/127.0.0.1:1\/",/' message.mjs >jku.mjs
node jku.mjs write p256/Private/shared_client2.jwk p256/Private/private_key1.key p256/cert/cert_key1.crt \
	p256 client2 hello >jku.jwe
expect 3 'a signature header with jku' "$certpool" send p256 client2 --endpoint "$inbox" --deliver jku.jwe
says 'is refused with the reason' 'jku'
