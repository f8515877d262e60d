#!/usr/bin/env bash
# What certificates are for: usages of a pool and of a policy, in the request, the certificate, the
# record, and what verifiers make of them.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://$host:$(free_port 8440)", issuer: {url: "http://ca.example/ca.cer"}$store}
clients:
  plain: {pool: {size: 2}, endpoint: "http://127.0.0.1:0"}
  web: {pool: {size: 1, usages: [server, client]}}
  both: {pool: {size: 2, usages: [sign, client]}}
  old: {pool: {size: 1, key: rsa-2048, usages: [server, key-encipherment]}}
  wide: {pool: {size: 1, usages: [email]}, policy: {usages: [email, sign]}}
END
text() { openssl x509 -in "$1" -noout -text; }
extended() { text "$1" | grep -A1 'Extended Key Usage' | tail -n 1 | sed 's/^ *//'; }
purposes() { # the purposes of openssl for which the certificate is good
	local purpose good=
	for purpose in sslclient sslserver smimesign; do
		if openssl verify -purpose "$purpose" -CAfile ca/cert/root.crt "$1" >/dev/null 2>&1; then good+=" $purpose"; fi
	done
	echo "$good"
}

expect 0 'init' "$certpool" init
start serve serve
for client in plain web both old wide; do
	"$certpool" request "$client" -q >out
	expect 0 "enroll $client" "$certpool" enroll "$client"
done

# In the request: nothing for sign alone, as before.
expect 0 'openssl reads a request' openssl req -in plain/CSR_file/csr_key1.csr -noout -text
check_not 'the default asks for nothing' grep -q 'Key Usage' out
check 'a pool asks for its usages' grep -q 'TLS Web Server Authentication' <(openssl req -in web/CSR_file/csr_key1.csr -noout -text)

# In the certificate, as others read it.
equal 'the default has no extended key usage' '' "$(extended plain/cert/cert_key1.crt)"
equal 'and is good for every purpose' ' sslclient sslserver smimesign' "$(purposes plain/cert/cert_key1.crt)"
equal 'server and client' 'TLS Web Server Authentication, TLS Web Client Authentication' "$(extended web/cert/cert_key1.crt)"
equal 'and for openssl nothing else' ' sslclient sslserver' "$(purposes web/cert/cert_key1.crt)"
equal 'client' ' sslclient' "$(purposes both/cert/cert_key1.crt)"
equal 'email' ' smimesign' "$(purposes wide/cert/cert_key1.crt)"
check 'sign beside another is document signing (RFC 9336)' grep -q '1.3.6.1.5.5.7.3.36' <(certtool -i --infile both/cert/cert_key1.crt)
check 'key encipherment where it was asked for' grep -q 'Digital Signature, Key Encipherment' <(text old/cert/cert_key1.crt)
check_not 'and nowhere else' grep -q 'Key Encipherment' <(text web/cert/cert_key1.crt)
for client in plain web both old wide; do
	check "certtool verifies $client's" certtool --verify --load-ca-certificate ca/cert/root.crt --infile "$client/cert/cert_key1.crt"
done
check 'the issuer'\''s URL is there' grep -q 'CA Issuers - URI:http://ca.example/ca.cer' <(text web/cert/cert_key1.crt)
check 'its certificate is served in DER' cmp <(curl -s "$endpoint/ca.cer") <(openssl x509 -in ca/cert/root.crt -outform DER)
equal 'as what it is' 'application/pkix-cert' "$(curl -s -o /dev/null -w '%{content_type}' "$endpoint/ca.cer/1")"
equal 'there is no second issuer' 404 "$(curl -s -o /dev/null -w '%{http_code}' "$endpoint/ca.cer/2")"

expect 0 'the operator sees it' "$certpool" show web/1
prints 'too' '^usages +client,server$'
expect 0 'as JSON' "$certpool" show old/1 --json
check 'as a list' jq -e '.usages == "server,key-encipherment"' out

# A verifier.
verify() { "$certpool" verify plain "$1/cert/cert_key1.crt" --usage "$2"; }
expect 0 'a server'\''s certificate is for a server' verify web server
expect 3 'and not for messages' verify web sign
says 'says both' 'RFC 5280 section 4.2.1.12: extKeyUsage: expected one for sign, found one for client,server'
expect 3 'nor for mail, as JSON' "$certpool" verify plain web/cert/cert_key1.crt --usage email --json
prints 'with the reason' '"verdict":"invalid","reason":".*expected one for email'
expect 0 'one without extended key usage is for all' verify plain server
expect 0 'without --usage every one will do' "$certpool" verify plain web/cert/cert_key1.crt
expect 2 'no usage' verify web tls
says 'the usages are listed' '"tls" is no usage: expected sign, client, server, email'
expect 2 'key-encipherment is none by itself' verify old key-encipherment

# Messages need sign, or no extended key usage.
start_receiver plain
send() { "$certpool" send "$1" plain M --endpoint "$inbox" "${@:2}"; }
expect 0 'the keys of two clients' "$certpool" init
expect 0 'sign beside another sends' send both
expect 4 'no member of a server'\''s pool signs' send web
expect 6 'nor one that is named' send web --member 1
says 'says what helps' 'not for messages: .*list sign among the usages of the pool of web and of its policy'

# The policy decides.
expect 0 'show' "$certpool" client show web --json
check 'has the usages' jq -e '.usages == "client,server"' out
expect 0 'set' "$certpool" client set web --usages client
prints 'says so' '^usages +client$'
"$certpool" renew web --all -q >out 2>err
says 'what the policy lacks is refused, with both lists' 'usages: expected of "client", found "client,server"'
expect 0 'given back to the manifest' "$certpool" client set web --reset usages
expect 0 'renew' "$certpool" renew web --all
expect 2 'key-encipherment needs a server' "$certpool" client set web --usages client,key-encipherment
expect 0 'a client of its own' "$certpool" client add far --usages server,sign --invite-to invitations
equal 'is invited with them' 'sign,server' "$(jq -r .pool.usages invitations/far.invitation.json)"
expect 0 'another one is invited' "$certpool" invite plain -o -
check 'without the default' jq -e '.to == "plain" and (.pool | has("usages") | not)' out
mkdir there
expect 0 'who joins' "$certpool" join -m there/manifest.yaml invitations/far.invitation.json
check 'asks for them' grep -q 'usages: \[sign,server\]' there/manifest.yaml
"$certpool" request far -m there/manifest.yaml -q >out && expect 0 'and gets them' "$certpool" enroll far -m there/manifest.yaml
equal 'in its certificates' 'TLS Web Server Authentication, 1.3.6.1.5.5.7.3.36' "$(extended there/far/cert/cert_key1.crt)"

# Requests of other tools.
expect 0 'a client for them' "$certpool" client add host --usages server,client,key-encipherment --subject 'CN={client}-{index}' --alt-names 'DNS:{client}.example'
ask() { # FOLDER NAME KEY MORE…
	mkdir -p "$1"
	openssl req -new -newkey "$3" ${4:+"${@:4}"} -nodes -keyout "$2.key" -subj "/CN=host-$2" -out "$1/$2.csr" 2>/dev/null
}
ec=(ec -pkeyopt ec_paramgen_curve:P-256)
ask good 1 "${ec[@]}"
ask good 2 "${ec[@]}" -addext extendedKeyUsage=serverAuth
ask good 3 rsa:2048 -addext extendedKeyUsage=serverAuth -addext keyUsage=critical,digitalSignature,keyEncipherment
expect 0 'sign' "$certpool" sign good --client host
equal 'one that names none gets all' 'TLS Web Server Authentication, TLS Web Client Authentication' "$(extended good/1.crt)"
equal 'one that names some gets these' 'TLS Web Server Authentication' "$(extended good/2.crt)"
check 'and key encipherment for RSA' grep -q 'Key Encipherment' <(text good/3.crt)
ask bad 4 "${ec[@]}" -addext extendedKeyUsage=serverAuth,codeSigning
ask bad 5 "${ec[@]}" -addext extendedKeyUsage=emailProtection
ask bad 6 "${ec[@]}" -addext keyUsage=digitalSignature,keyEncipherment
ask bad 7 "${ec[@]}" -addext keyUsage=digitalSignature,keyCertSign
ask bad 8 "${ec[@]}" -addext basicConstraints=CA:TRUE
# catalogue 43
expect 6 'what the policy does not allow is refused' "$certpool" sign bad --client host
for reason in 'found "server, codeSigning"' 'found "email"' 'key-encipherment: expected an RSA key' 'found "keyCertSign"' 'found "CA:TRUE"'; do
	says "and named: $reason" "$reason"
done
equal 'nothing is certified' 0 "$(count_files bad '*.crt')"
stop "$server"
