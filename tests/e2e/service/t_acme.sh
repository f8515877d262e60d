#!/usr/bin/env bash
# ACME by hand, with jose and curl: accounts, orders, certificates, revocation; and who asks wrongly.
# shellcheck source-path=SCRIPTDIR source=../acme.sh
. "$(dirname "$0")/../acme.sh"
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

port=$(free_port 20000)
sed "2s|endpoint: \"[^\"]*\"|endpoint: \"https://$host:$port\", acme: {}|; s|client1: {|&policy: {usages: [client, server], alt_names: [\"DNS:www.example.org\", \"DNS:*.example.org\", \"IP:192.0.2.7\"]}, |" \
	<(manifest 2 2) >manifest.yaml
"$certpool" init -q >out

# --- the credentials ---
expect 0 'what an ACME client needs' "$certpool" client acme client1 --json
cp out credentials
base=https://$host:$port/acme
equal 'the directory is below the endpoint' "$base/directory" "$(jq -r .directory credentials)"
equal 'the kid is the client' client1 "$(jq -r .kid credentials)"
check 'the key is 32 octets in base64url' jq -e '.hmac | test("^[A-Za-z0-9_-]{43}$")' credentials
expect 0 'the same for people' "$certpool" client acme client1
prints 'with the same key' "^hmac +$(jq -r .hmac credentials)$"
expect 4 'of a client that is not there' "$certpool" client acme nobody
sed 's/, acme: {}//' manifest.yaml >without.yaml
expect 2 'of a CA that does not offer ACME' "$certpool" client acme client1 -m without.yaml
says 'the advice says how' 'write "acme: \{\}" under ca'
jose jwk gen -i '{"alg":"ES256"}' -o account.jwk
jose jwk gen -i '{"alg":"ES256"}' -o other.jwk
acme_binding credentials

sed 's/https:/http:/' manifest.yaml >plain.yaml
expect 2 'nor is it offered without TLS' "$certpool" client acme client1 -m plain.yaml
says 'which the RFC asks for' 'RFC 8555 section 6.1'
export CURL_CA_BUNDLE=$PWD/ca/cert/root.crt
start serve serve
ca=$server

# --- the directory and nonces ---
curl -s "$base/directory" -o directory
equal 'the directory has absolute URLs' "$base/new-order" "$(jq -r .newOrder directory)"
equal 'and asks for external account binding' true "$(jq -r .meta.externalAccountRequired directory)"
equal 'new-nonce answers GET with 204' 204 "$(curl -s -o answer -w '%{http_code}' "$base/new-nonce")"
equal 'and HEAD with 200' 200 "$(curl -s -I -o headers -w '%{http_code}' "$base/new-nonce")"
equal 'whose answer nobody may keep' no-store "$(field Cache-Control)"

# --- accounts ---
refuses 'no account without a binding' 403 externalAccountRequired "$(ask_by_key account.jwk "$base/new-account" '{}')"
refuses 'nor with a binding under another key' 403 unauthorized "$(ask_by_key account.jwk "$base/new-account" "{\"externalAccountBinding\":$(jose jwk gen -i '{"alg":"HS256"}' -o wrong.jwk && sign wrong.jwk "{\"alg\":\"HS256\",\"kid\":\"client1\",\"url\":\"$base/new-account\"}" "$(public account.jwk)")}")"
refuses 'nor with that of another account' 403 unauthorized "$(ask_by_key other.jwk "$base/new-account" "{\"externalAccountBinding\":$(binding account.jwk client1 "$base/new-account")}")"
refuses 'nor for another client' 403 unauthorized "$(ask_by_key account.jwk "$base/new-account" "{\"externalAccountBinding\":$(binding account.jwk client2 "$base/new-account")}")"
equal 'nothing was recorded' 0 "$(ask_record ca 'select count(*) from acme_account')"
equal 'a client has an account' 201 "$(ask_by_key account.jwk "$base/new-account" "{\"contact\":[\"mailto:a@example.org\"],\"externalAccountBinding\":$(binding account.jwk client1 "$base/new-account")}")"
kid=$(field Location)
equal 'the same again finds it' 200 "$(ask_by_key account.jwk "$base/new-account" '{"onlyReturnExisting":true}')"
equal 'at the same place' "$kid" "$(field Location)"
equal 'it has its contact' mailto:a@example.org "$(jq -r '.contact[0]' answer)"
equal 'another one can be set' '200 mailto:b@example.org' "$(ask "$kid" '{"contact":["mailto:b@example.org"]}') $(jq -r '.contact[0]' answer)"
refuses 'contacts are addresses' 400 unsupportedContact "$(ask "$kid" '{"contact":["tel:+1"]}')"
check 'the log has the account' grep -q '"type":"created"' <("$certpool" audit list --json)

# --- orders ---
order() { # IDENTIFIERS
	ask "$base/new-order" "{\"identifiers\":[$1]}"
}
dns() { echo "{\"type\":\"dns\",\"value\":\"$1\"}"; }
refuses 'a name that policy does not allow' 403 rejectedIdentifier "$(order "$(dns evil.example.org)")"
refuses 'an identifier of another kind' 400 unsupportedIdentifier "$(order '{"type":"email","value":"a@b"}')"
equal 'an order' 201 "$(order "$(dns WWW.example.org),{\"type\":\"ip\",\"value\":\"192.0.2.7\"}")"
order=$(field Location)
finalize=$(jq -r .finalize answer)
equal 'is ready at once' ready "$(jq -r .status answer)"
equal 'its authorizations are valid' '200 valid www.example.org' "$(ask "$(jq -r '.authorizations[0]' answer)" '') $(jq -r '.status + " " + .identifier.value' answer)"
new_key k1.pem
refuses 'a request for other names' 400 badCSR "$(ask "$finalize" "{\"csr\":\"$(csr k1.pem DNS:www.example.org /)\"}")"
refuses 'and one whose CN is none of them' 400 badCSR "$(ask "$finalize" "{\"csr\":\"$(csr k1.pem DNS:www.example.org,IP:192.0.2.7 /CN=evil.example.org)\"}")"
equal 'the names, one of them as CN' 200 "$(ask "$finalize" "{\"csr\":\"$(csr k1.pem IP:192.0.2.7 /CN=www.example.org)\"}")"
equal 'make the order valid' valid "$(jq -r .status answer)"
certificate=$(jq -r .certificate answer)
equal 'the certificate is there' 200 "$(ask "$certificate" '')"
equal 'as a chain' application/pem-certificate-chain "$(field Content-Type)"
cp answer chain.pem
check 'openssl verifies it' openssl verify -x509_strict -CAfile ca/cert/root.crt chain.pem
equal 'it has no subject' 'subject=' "$(openssl x509 -in chain.pem -noout -subject)"
check 'and critical names' grep -A1 'Subject Alternative Name: critical' <(openssl x509 -in chain.pem -noout -text)
equal 'those of the order' 'DNS:www.example.org, IP Address:192.0.2.7' "$(openssl x509 -in chain.pem -noout -ext subjectAltName | sed -n '2s/^ *//p')"
serial=$(openssl x509 -in chain.pem -noout -serial | cut -d= -f2 | tr A-F a-f)
expect 0 'it is in the list' "$certpool" list --client client1
prints 'by its serial' "acme-$serial"
refuses 'the order has no second certificate' 403 orderNotReady "$(ask "$finalize" "{\"csr\":\"$(csr k1.pem DNS:www.example.org,IP:192.0.2.7 /)\"}")"
equal 'a second order' 201 "$(order "$(dns www.example.org)")"
finalize=$(jq -r .finalize answer)
refuses 'does not certify the same key' 400 badCSR "$(ask "$finalize" "{\"csr\":\"$(csr k1.pem DNS:www.example.org /)\"}")"
new_key k2.pem
equal 'but another' 200 "$(ask "$finalize" "{\"csr\":\"$(csr k2.pem DNS:www.example.org /)\"}")"
ask "$(jq -r .certificate answer)" '' >out
cp answer second.pem
equal 'the account lists its orders' 2 "$(ask "$kid/orders" '' >out && jq '.orders | length' answer)"
equal 'by the URLs that they have' 1 "$(jq --arg url "$order" '[.orders[] | select(. == $url)] | length' answer)"
equal 'a wildcard is a name like others' 201 "$(order "$(dns '*.example.org')")"
ask "$(jq -r '.authorizations[0]' answer)" '' >out
equal 'whose authorization says so' 'example.org true' "$(jq -r '.identifier.value + " " + (.wildcard | tostring)' answer)"

# --- profiles are usages ---
equal 'the directory has them' client,email,server,sign "$(jq -r '.meta.profiles | keys | join(",")' directory)"
refuses 'one that policy does not allow' 400 invalidProfile "$(ask "$base/new-order" "{\"identifiers\":[$(dns www.example.org)],\"profile\":\"email\"}")"
equal 'one that it does' '201 server' "$(ask "$base/new-order" "{\"identifiers\":[$(dns www.example.org)],\"profile\":\"server\"}") $(jq -r .profile answer)"
new_key k3.pem
ask "$(jq -r .finalize answer)" "{\"csr\":\"$(csr k3.pem DNS:www.example.org /)\"}" >out
ask "$(jq -r .certificate answer)" '' >out
equal 'is what the certificate is for' 'TLS Web Server Authentication' "$(openssl x509 -in answer -noout -ext extendedKeyUsage | sed -n '2s/^ *//p')"

# --- renewal information (RFC 9773) ---
octets() { tr -d '\n' | tr a-f A-F | basenc --base16 -d | basenc --base64url -w0 | tr -d =; }
aki=$(openssl x509 -in chain.pem -noout -ext authorityKeyIdentifier | sed -n '2s/[^0-9A-F]//gp' | octets)
ari=$aki.$(octets <<<"$serial")
equal 'renewal information' 200 "$(curl -s -D headers -o answer -w '%{http_code}' "$base/renewal-info/$ari")"
check 'is a window within its life' jq -e '.suggestedWindow | .start < .end' answer
equal 'of another certificate there is none' 404 "$(curl -s -o answer -w '%{http_code}' "$base/renewal-info/$aki.AAAA")"
replacing() { ask "$base/new-order" "{\"identifiers\":[$(dns "$1")],\"replaces\":\"$ari\"}"; } # NAME
equal 'an order may say what it replaces' "201 $ari" "$(replacing www.example.org) $(jq -r .replaces answer)"
new_key k4.pem
equal 'and replaces it' 200 "$(ask "$(jq -r .finalize answer)" "{\"csr\":\"$(csr k4.pem DNS:www.example.org /)\"}")"
refuses 'once' 409 alreadyReplaced "$(replacing www.example.org)"
refuses 'by a certificate with one of its names' 400 malformed "$(replacing '*.example.org')"

# --- the attacks of RFC 8555 section 10 ---
fresh=$(nonce)
sign account.jwk "{\"alg\":\"ES256\",\"nonce\":\"$fresh\",\"url\":\"$kid\",\"kid\":\"$kid\"}" '' >request
equal 'a request' 200 "$(send "$kid" request)"
refuses 'is good once' 400 badNonce "$(send "$kid" request)"
refuses 'a nonce of somebody else' 400 badNonce "$(: >headers; sign account.jwk "{\"alg\":\"ES256\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"url\":\"$kid\",\"kid\":\"$kid\"}" '' >request; send "$kid" request)"
refuses 'a URL that is not the one that is asked' 403 unauthorized "$(sign account.jwk "{\"alg\":\"ES256\",\"nonce\":\"$(nonce)\",\"url\":\"$base/new-order\",\"kid\":\"$kid\"}" '' >request; send "$kid" request)"
refuses 'key and account both' 400 malformed "$(sign account.jwk "{\"alg\":\"ES256\",\"nonce\":\"$(nonce)\",\"url\":\"$kid\",\"kid\":\"$kid\",\"jwk\":$(public account.jwk)}" '' >request; send "$kid" request)"
refuses 'neither of them' 400 malformed "$(sign account.jwk "{\"alg\":\"ES256\",\"nonce\":\"$(nonce)\",\"url\":\"$kid\"}" '' >request; send "$kid" request)"
unsigned() { # ALG
	jq -nc --arg p "$(printf '{"alg":"%s","nonce":"%s","url":"%s","kid":"%s"}' "$1" "$(nonce)" "$kid" "$kid" | base64 -w0 | tr '+/' '-_' | tr -d =)" '{protected: $p, payload: "", signature: ""}' >request
	send "$kid" request
}
refuses 'the algorithm none' 400 badSignatureAlgorithm "$(unsigned none)"
check 'the answer lists what there is' jq -e '.algorithms | index("ES256")' answer
refuses 'a keyed hash' 400 badSignatureAlgorithm "$(unsigned HS256)"
refuses 'the key of another' 403 unauthorized "$(sign other.jwk "{\"alg\":\"ES256\",\"nonce\":\"$(nonce)\",\"url\":\"$kid\",\"kid\":\"$kid\"}" '' >request; send "$kid" request)"
refuses 'an account that is not there' 400 accountDoesNotExist "$(sign account.jwk "{\"alg\":\"ES256\",\"nonce\":\"$(nonce)\",\"url\":\"$kid\",\"kid\":\"$base/account/AAAAAAAAAAAAAAAAAAAAAA\"}" '' >request; send "$kid" request)"
refuses 'GET of what is asked by POST' 405 malformed "$(curl -s -o answer -w '%{http_code}' "$base/new-order")"
# The server's own refusals have nonces, too, which count (RFC 8555 section 6.5).
own_refusal() { # WHAT STATUS CURL_OPTION…
	equal "$1" "$2" "$(curl -s -o answer -D headers -w '%{http_code}' "${@:3}" "$base/new-order")"
	equal "$1, with the directory" "<$base/directory>;rel=\"index\"" "$(field Link)"
	equal "$1, with a nonce that counts" 200 "$(ask "$kid" '')"
}
own_refusal 'another content type' 415 -H 'Content-Type: application/json' -d '{}'
head -c 300000 /dev/zero >large
# The client does not send a body after its refusal: else the refusal may be lost with the connection.
own_refusal 'an oversized request' 413 --expect100-timeout 60 -H 'Expect: 100-continue' -H 'Content-Type: application/jose+json' --data-binary @large

# Another account of the same client.
first=$kid
mv account.jwk first.jwk
cp other.jwk account.jwk
ask_by_key account.jwk "$base/new-account" "{\"externalAccountBinding\":$(binding account.jwk client1 "$base/new-account")}" >out
kid=$(field Location)
check_not 'a second account of the client is another' [ "$kid" = "$first" ]
refuses "the first account's order is not the second's" 403 unauthorized "$(ask "$order" '')"
refuses 'nor is the account' 403 unauthorized "$(ask "$first" '')"
equal 'but the certificate is their client'\''s' 200 "$(ask "$certificate" '')"

# --- key change ---
jose jwk gen -i '{"alg":"ES256"}' -o new.jwk
change() { # NEW-KEY: asks that the account's key become that one
	local inner
	inner=$(sign "$1" "{\"alg\":\"ES256\",\"url\":\"$base/key-change\",\"jwk\":$(public "$1")}" "{\"account\":\"$kid\",\"oldKey\":$(public account.jwk)}")
	ask "$base/key-change" "$inner"
}
refuses 'the key of another account' 409 conflict "$(change first.jwk)"
equal 'it is named' "$first" "$(field Location)"
equal 'a new key' 200 "$(change new.jwk)"
refuses 'the old one counts no more' 403 unauthorized "$(ask "$kid" '')"
cp new.jwk account.jwk
equal 'the new one does' 200 "$(ask "$kid" '')"

# --- revocation ---
der() { openssl x509 -in "$1" -outform DER | base64 -w0 | tr '+/' '-_' | tr -d =; }
refuses 'for no reason that there is' 400 badRevocationReason "$(ask "$base/revoke-cert" "{\"certificate\":\"$(der chain.pem)\",\"reason\":7}")"
refuses 'by a key that is not its own' 403 unauthorized "$(ask_by_key first.jwk "$base/revoke-cert" "{\"certificate\":\"$(der chain.pem)\"}")"
equal 'by an account of its client' 200 "$(ask "$base/revoke-cert" "{\"certificate\":\"$(der chain.pem)\",\"reason\":4}")"
refuses 'and not twice' 400 alreadyRevoked "$(ask "$base/revoke-cert" "{\"certificate\":\"$(der chain.pem)\"}")"
read -r d x y < <(openssl pkey -in k2.pem -noout -text | tr -d ' :\n' |
	sed -E 's/.*priv[0-9a-f]*([0-9a-f]{64})pub04([0-9a-f]{64})([0-9a-f]{64}).*/\1 \2 \3\n/')
jq -nc --arg d "$(octets <<<"$d")" --arg x "$(octets <<<"$x")" --arg y "$(octets <<<"$y")" \
	'{kty: "EC", crv: "P-256", d: $d, x: $x, y: $y}' >k2.jwk
equal 'by its own key' 200 "$(ask_by_key k2.jwk "$base/revoke-cert" "{\"certificate\":\"$(der second.pem)\",\"reason\":1}")"
equal 'the record says so' 2 "$(ask_record ca 'select count(*) from certificate where revoked_at is not null')"

equal 'renewal is due at once' 0 "$(curl -s "$base/renewal-info/$ari" | jq --arg now "$(date -u +%FT%TZ)" '[.suggestedWindow.end | select(. > $now)] | length')"

# --- the operator's view of accounts ---
expect 0 'the operator lists the accounts of a client' "$certpool" client acme client1 --list
equal 'both of them' 2 "$(grep -c ' valid ' out)"
prints 'with id and contacts' "^${first##*/} .* mailto:b@example.org$"
expect 0 'the same as JSON' "$certpool" client acme client1 --list --json
equal 'a line each' "${first##*/} valid mailto:b@example.org" "$(jq -r 'select(.contacts != "") | "\(.account) \(.state) \(.contacts)"' out)"
expect 0 'a client without accounts' "$certpool" client acme client2 --list
silent 'has none in its list'
jose jwk gen -i '{"alg":"ES256"}' -o third.jwk
ask_by_key third.jwk "$base/new-account" "{\"externalAccountBinding\":$(binding third.jwk client1 "$base/new-account")}" >out
third=$(field Location)
expect 4 'another client'\''s account cannot be ended' "$certpool" client acme client2 --end "${third##*/}"
says 'the advice says where to look' 'certpool client acme client2 --list'
expect 2 'other actions know no such option' "$certpool" client show client1 --end "${third##*/}"
expect 0 'an account is ended' "$certpool" client acme client1 --end "${third##*/}"
prints 'and says so' "^${third##*/}: deactivated$"
cp account.jwk kept.jwk
cp third.jwk account.jwk
second=$kid kid=$third
refuses 'it may do nothing more, at once' 403 unauthorized "$(ask "$third" '')"
cp kept.jwk account.jwk
kid=$second
equal 'the others may' 200 "$(ask "$kid" '')"
expect 0 'ended twice is ended' "$certpool" client acme client1 --end "${third##*/}"
says 'with a note' 'is deactivated already'
equal 'the log says who did it' 1 "$("$certpool" audit list --json | jq -s 'map(select(.type == "deactivated" and .by == "ca")) | length')"

# --- the end of an account ---
equal 'an account ends itself' '200 deactivated' "$(ask "$kid" '{"status":"deactivated"}') $(jq -r .status answer)"
refuses 'for good' 403 unauthorized "$(ask "$kid" '')"
refuses 'its key makes no other' 403 unauthorized "$(ask_by_key account.jwk "$base/new-account" "{\"externalAccountBinding\":$(binding account.jwk client1 "$base/new-account")}")"
cp first.jwk account.jwk
kid=$first
"$certpool" client disable client1 -q >out
refuses 'a client that is disabled' 403 unauthorized "$(order "$(dns www.example.org)")"
"$certpool" client enable client1 -q >out
equal 'and enabled again' 201 "$(order "$(dns www.example.org)")"
"$certpool" crl -q >out
expect 0 'the record is in order' "$certpool" check

# --- who could not be authenticated ---
# On one connection, so that they all come within the minute.
echo '{}' >request
for ((i = 0; i < 150; i++)); do
	printf 'url = "%s"\nheader = "Content-Type: application/jose+json"\ndata-binary = "@request"\noutput = "answer"\ndump-header = "headers"\nwrite-out = "%%{http_code}\\n"\nnext\n' "$base/new-order"
done | sed '$d' >requests
throttled() { found=$(curl -s -K requests | tail -n 1) && [ "$found" = 429 ]; }
eventually throttled
refuses 'pays by the rate of an origin' 429 rateLimited "$found"
check 'and is told how long' [ "$(field Retry-After)" -ge 1 ]
equal 'who has an account there is served' 200 "$(ask "$kid" '')"
stop "$ca"
equal 'the CA stops' 0 "$stopped"

# A CA behind a proxy that speaks TLS says where that is: without it, nobody is served ACME over plain HTTP.
start serve serve --listen "http://$host:0"
refuses_plain() { equal "$1" 403 "$(curl -s -o answer -w '%{http_code}' "$endpoint/acme/$2")"; }
refuses_plain 'the directory is for TLS alone' directory
check 'and says what a proxy needs' grep -q 'ca.acme.url' answer
refuses_plain 'as are nonces' new-nonce
stop "$server"

# A CA that does not offer it.
start serve serve -m without.yaml
equal 'nothing is there without ca.acme' 404 "$(curl -s -o answer -w '%{http_code}' "$base/directory")"
stop "$server"

# An order that is refused is a line in the record. Who waits for that keeps nobody else waiting, also in a server of one thread.
if [ -z "$store" ]; then
	cores=$(taskset -cp $$)
	cores=${cores##* }
	taskset -cp "${cores%%[-,]*}" $$ >check.log
	sed "s|acme: {}|acme: {url: \"https://$host:$port\"}|" manifest.yaml >proxied.yaml
	start serve serve -m proxied.yaml --listen "http://$host:0"
	mkfifo holder
	sqlite3 ca/state/ca.db <holder >check.log 2>&1 &
	exec 8>holder
	printf 'begin immediate;\n.shell touch holds\n' >&8
	check 'another process has the record' eventually test -e holds
	overtaken() { # who asks after a refused order is answered before it
		local fresh url=$base/new-order
		fresh=$(curl -s -I "$endpoint/acme/new-nonce" | sed -nE 's/^Replay-Nonce: ([^\r]*)\r?$/\1/p')
		sign account.jwk "{\"alg\":\"ES256\",\"nonce\":\"$fresh\",\"url\":\"$url\",\"kid\":\"$kid\"}" "{\"identifiers\":[$(dns www.example.net)]}" >request
		exec 7<>"/dev/tcp/$host/${endpoint##*:}"
		printf 'POST /acme/new-order HTTP/1.1\r\nHost: ca\r\nContent-Type: application/jose+json\r\nContent-Length: %d\r\n\r\n' "$(wc -c <request)" | cat - request >&7
		curl -s -o answer "$endpoint/root.crt" && ! read -r -t 0 -u 7
	}
	check 'nobody else waits for it' eventually overtaken
	printf 'rollback;\n' >&8
	exec 8>&-
	read -r -t 300 line <&7
	equal 'the order is refused' 'HTTP/1.1 403' "${line% *}"
	exec 7<&-
fi
