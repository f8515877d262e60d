#!/usr/bin/env bash
# The CA over TLS: its own certificate, our clients, and other people's. What is refused, on both sides.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

root=ca/cert/root.crt
# s_client OPTION…: one request over TLS by openssl, its output to out. address: without the scheme.
s_client() { printf 'GET /health HTTP/1.0\r\nHost: ca\r\n\r\n' | timeout 300 openssl s_client -connect "${endpoint#https://}" -CAfile "$root" -ign_eof "$@" >out 2>err; }
get() { curl -sS --cacert "$root" -o answer -w '%{http_code}' "$endpoint$1"; }
metric() { curl -sS --cacert "$root" "$endpoint/metrics" | sed -n "s/^certpool_$1 //p"; }
serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2 | tr 'A-F' 'a-f'; }

port=$(free_port 21000)
plain=$(free_port $((port + 1)))
manifest_https 8 4 >manifest.yaml
sed -i "s|endpoint: \"https://$host:0\"|endpoint: \"https://$host:$port\", listen: [\"https://$host:$port\", \"http://$host:$plain\"], names: [ca.example, localhost], ocsp: {url: http://$host:$plain/ocsp}|" manifest.yaml
expect 0 'init' "$certpool" init
start_tls_ca() {
	start serve serve "$@"
	ca=$server
}
start_tls_ca
export CERTPOOL_CA=$endpoint
case $endpoint in https://"$host":*) pass 'it says https' ;; *) fail 'it says https' "$endpoint" ;; esac

# --- the certificate of the server ---
equal 'the key is secret' 600 "$(mode ca/Private/server/server.key)"
equal 'so is its folder' 700 "$(mode ca/Private/server)"
openssl x509 -in ca/cert/server.crt -noout -text >text
check 'it has the address of the endpoint' grep -q "IP Address:$host" text
check 'and the names of the manifest' grep -q 'DNS:ca.example, DNS:localhost' text
check 'it is for servers alone' grep -A1 'Extended Key Usage' text
equal 'by its purpose' 'TLS Web Server Authentication' "$(grep -A1 'Extended Key Usage' text | tail -n 1 | xargs)"
check 'openssl takes it for a server' openssl verify -CAfile "$root" -purpose sslserver -verify_ip "$host" ca/cert/server.crt
expect 0 'it is in the record' "$certpool" list --serial "$(serial_of ca/cert/server.crt)" --json
equal 'as the CA'\''s own' ca/server "$(jq -r '.client + "/" + .member' out)"
expect 0 'the CA agrees with itself' "$certpool" check
expect 0 'the audit log' "$certpool" audit list --json
check 'has it' grep -qFe "$(serial_of ca/cert/server.crt)" out

equal 'status says when it ends' "$(date -u -d "$(openssl x509 -in ca/cert/server.crt -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ)" "$("$certpool" status --json | jq -r 'select(.node == "ca").server_expiry')"
expect 0 'in words' "$certpool" status
prints 'too' "server certificate's expiry 20"
equal 'so do the metrics' "$(date -d "$("$certpool" status --json | jq -r 'select(.node == "ca").server_expiry')" +%s)" "$(metric 'ca_not_after_timestamp_seconds{certificate="server"}')"
chmod 640 ca/Private/server/server.key
expect 1 'a key that others can read' "$certpool" check
says 'is found' 'Private/server/server.key: expected mode 0600, found 0640|not whole'
prints 'with its place' 'Private/server/server.key: expected mode 0600, found 0640'
chmod 600 ca/Private/server/server.key

# --- other people's clients ---
equal 'curl' 200 "$(get /health)"
check 'openssl' s_client -verify_return_error
check 'by TLS 1.3, with AES-128-GCM' grep -q 'New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256' out
check 'and the answer comes' grep -q '"status":"ok"' out
s_client -verify_return_error -status
check 'an OCSP response is stapled' grep -q 'OCSP Response Status: successful' out
check 'and says good' grep -q 'Cert Status: good' out
s_client -verify_return_error -alpn h2,http/1.1
check 'ALPN: http/1.1' grep -q 'ALPN protocol: http/1.1' out
check_not 'h2 alone' s_client -alpn h2
check 'is refused with an alert' grep -qi 'alert no application protocol' err
s_client -sess_out session
s_client -sess_in session
check 'a ticket resumes' grep -q '^Reused, TLSv1.3' out
equal 'names are checked' 200 "$(curl -sS --cacert "$root" -o answer -w '%{http_code}' --resolve "ca.example:${endpoint##*:}:$host" "https://ca.example:${endpoint##*:}/health")"
expect 60 'another name is refused' curl -sS --cacert "$root" --resolve "other.example:${endpoint##*:}:$host" "https://other.example:${endpoint##*:}/health"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout stranger.key -out stranger.crt -subj /CN=stranger -days 1 2>/dev/null
check 'a client may show a certificate' s_client -cert stranger.crt -key stranger.key
check 'and is answered as without it' grep -q '"status":"ok"' out

# --- our clients ---
for name in client1 client2; do
	expect 0 "$name requests" "$certpool" request $name
	expect 0 "$name enrolls over TLS" "$certpool" enroll $name
done
expect 0 'a certificate is asked for' "$certpool" verify client1 client1/cert/cert_key1.crt --online
expect 0 'at the OCSP responder' "$certpool" verify client1 client1/cert/cert_key1.crt --ocsp "$endpoint/ocsp"
expect 0 'with the root of a file' "$certpool" verify --trusted "$root" client1/cert/cert_key1.crt --ocsp "$endpoint/ocsp" --crl "$endpoint/crl"
expect 0 'in the CRL' "$certpool" verify client1 client1/cert/cert_key1.crt --crl "$endpoint/crl"
expect 0 'renewal' "$certpool" renew client1 --all
expect 0 'a client revokes its own' "$certpool" revoke client1/key2 --as client1 --ca "$endpoint"
equal 'an enrolment keeps its connections: few handshakes for many requests' true "$(metric 'tls_handshakes_total{result="full"}' | awk '{print ($1 < 40 ? "true" : "false")}')"

# --- refused ---
for old in tls1_2 tls1_1; do
	check_not "$old" s_client -$old -cipher 'ALL:@SECLEVEL=0'
	check 'gets an alert' grep -qE 'alert protocol version|no protocols available' err
done
check 'the CA says why' eventually grep -q "TLS handshake: the client does not offer TLS 1.3: 127.0.0.1" serve.err
equal 'plain HTTP on the TLS port: catalogue 69' 400 "$(curl -s -o answer -w '%{http_code}' "http://${endpoint#https://}/health")"
check 'is told what to do' grep -q 'this port speaks TLS: expected https://' answer
check 'the CA says so' eventually grep -q "TLS handshake: expected TLS, found other octets: 127.0.0.1" serve.err
expect 6 'our client, by http' "$certpool" verify client1 client1/cert/cert_key1.crt --online --ca "http://${endpoint#https://}"
says 'hears it' 'this port speaks TLS: expected https://'
# Each when its connection is closed, which may be after its client has ended.
failures_counted() { [ "$(metric 'tls_handshakes_total{result="failed"}')" -ge 3 ]; }
check 'failed handshakes are counted' eventually failures_counted

# --- a plain endpoint beside it ---
for path in root.crt ca.crt crl; do
	equal "/$path is served without TLS too" 200 "$(curl -s -o answer -w '%{http_code}' "http://$host:$plain/$path")"
done
expect 0 'and OCSP' "$certpool" verify client1 client1/cert/cert_key1.crt --ocsp "http://$host:$plain/ocsp"
for path in health metrics v1/certificates; do
	equal "/$path is not" 40 "$(curl -s -o answer -w '%{http_code}' "http://$host:$plain/$path" | cut -c1-2)"
done
expect 6 'nor is our client' "$certpool" verify client1 client1/cert/cert_key1.crt --online --ca "http://$host:$plain"
says 'which is told so' 'expected this path to be asked for over TLS'

# --- refused by our client ---
asks() { "$certpool" verify client2 client1/cert/cert_key1.crt --online --ca "$1"; }
other=$(free_port $((plain + 1)))
serve_tls() { # ADDRESS OPTION…: openssl with the CA's own certificate, on $other of the address
	openssl s_server -accept "$1:$other" -cert ca/cert/server.crt -key ca/Private/server/server.key -www -quiet "${@:2}" >/dev/null 2>&1 &
	server=$!
	eventually openssl s_client -connect "$1:$other" </dev/null >/dev/null 2>&1
}
serve_tls "$host" -tls1_2
expect 7 'a server with TLS 1.2 alone' asks "https://$host:$other"
says 'is refused with the reason' 'there is no TLS 1.3 with the server'
stop "$server"
# An address that is no other script's, either: those have 1 to 65 in the second place.
other_host=127.$((101 + $$ / 65536)).${host#127.*.}
serve_tls "$other_host"
expect 3 'a server under another name' asks "https://$other_host:$other"
says 'is refused with both names' "does not match target host name '$other_host'"
stop "$server"
expect 3 'a certificate that has ended' under_clock +100d "$certpool" revoke client1/3 --as client1
says 'is refused with the reason' 'expired certificate'
mkdir stranger system
(cd stranger && manifest_https 1 1 >manifest.yaml && "$certpool" init >/dev/null 2>&1)
cp -a client1 other
cp stranger/ca/cert/root.crt other/cert/root.crt
sed 's|client1: {|client1: {layout: other, |' manifest.yaml >other.yaml
# Under a mount of its own, the CA's root is one of the system's.
cp "$root" "system/$(openssl x509 -in "$root" -noout -subject_hash).0"
cp "$root" system/ca-certificates.crt
echo 'mount --bind system /etc/ssl/certs && exec "$@"' >in_system.sh
if unshare -rm true 2>/dev/null; then
	equal 'a root in the system'\''s store is trusted by curl' 200 "$(unshare -rm bash in_system.sh curl -s -o answer -w '%{http_code}' "$endpoint/health")"
	expect 3 'and not by a client that has pinned another one' unshare -rm bash in_system.sh "$certpool" revoke client1/4 --as client1 -m other.yaml
	says 'which says why' "the server's certificate is not to be trusted"
	expect 0 'one that has pinned it trusts it' unshare -rm bash in_system.sh "$certpool" revoke client1/4 --as client1
else
	skip 'the system'\''s store is not trusted' 'no namespaces here'
fi

# --- another host joins ---
mkdir there
for name in client3 client4; do "$certpool" client add $name; done >/dev/null 2>&1
expect 0 'an invitation' "$certpool" invite client3 --pool-size 2 -o there/invitation.json
there() { (cd there && unset CERTPOOL_CA && "$certpool" "$@"); }
expect 0 'a client joins over TLS' there join invitation.json
expect 0 'requests' there request client3
expect 0 'and enrolls' there enroll client3
equal 'it has pinned the root' "$(cat "$root")" "$(cat there/client3/cert/root.crt)"
expect 0 'once' "$certpool" invite client4 --pool-size 2 --once -o there/once.json
expect 0 'by an invitation that counts once, too' there join once.json -m once.yaml

# --- the certificate over time ---
first=$(serial_of ca/cert/server.crt)
shown() { openssl s_client -connect "${endpoint#https://}" </dev/null 2>/dev/null | openssl x509 -noout -serial | cut -d= -f2 | tr 'A-F' 'a-f'; }
shows_another() { # SERIAL
	local now
	now=$(shown)
	[ -n "$now" ] && [ "$now" != "$1" ]
}
equal 'it is the one of the file' "$first" "$(shown)"
stop "$ca"
start_tls_ca
equal 'it stays through a restart' "$first" "$(shown)"
expect 0 'when it is revoked' "$certpool" revoke "$first"
check 'another one is shown, without a restart' eventually shows_another "$first"
second=$(shown)
equal 'of the file' "$second" "$(serial_of ca/cert/server.crt)"
check 'curl goes on' get /health
stop "$ca"
sed -i 's/names: \[ca.example, localhost\]/names: [new.example]/' manifest.yaml
start_tls_ca
check 'other names in the manifest make another one' shows_another "$second"
check 'with these names' grep -q 'DNS:new.example' <(openssl x509 -in ca/cert/server.crt -noout -text)
stop "$ca"
third=$(serial_of ca/cert/server.crt)
ahead_by +70d
start_tls_ca
launcher=()
equal 'before its last third ends it is renewed' 1 "$("$certpool" list --client ca --json | jq -r 'select(.member == "server") | .serial' | grep -cv -e "$third" -e "$second" -e "$first")"
stop "$ca"
: >ca/Private/server/server.key
start_tls_ca
check 'a key that is damaged is replaced' get /health
expect 0 'and all is well' "$certpool" check
stop "$ca"

# --- the root is replaced ---
sed -i 's/names: \[new.example\]/root_layout: root2, layout: ca2/; s/layout: ca, //; s/client\([12]\): {/client\1: {layout: c\1, /' manifest.yaml
expect 0 'a CA below a root' "$certpool" init
start_tls_ca
for name in client1 client2; do
	"$certpool" request $name -q && "$certpool" enroll $name -q
done >out 2>err
expect 0 'its client asks' "$certpool" verify client1 c1/cert/cert_key1.crt --online
root=ca2/cert/root.crt
equal 'curl needs the root alone' 200 "$(get /health)"
expect 0 'another root beside it' "$certpool" rotate root
next_taken() { root=ca2/cert/root.next.crt get /health >code 2>err && [ "$(cat code)" = 200 ]; }
check 'the server shows what leads to the next one, without a restart' eventually next_taken
equal 'and to the old one' 200 "$(get /health)"
expect 0 'a client learns of it over TLS' "$certpool" enroll client1
equal 'and trusts both' 2 "$(grep -c BEGIN c1/cert/root.crt)"
expect 0 'it asks' "$certpool" verify client1 c1/cert/cert_key1.crt --online
"$certpool" enroll client2 -q >out
expect 0 'the old one goes' "$certpool" rotate root --finish
trusts_one() { [ "$(grep -c BEGIN "c${1#client}/cert/root.crt")" -eq 1 ] || { "$certpool" enroll "$1" -q && false; }; }
for name in client1 client2; do
	expect 0 "$name hears so over TLS" "$certpool" enroll $name
	# Once the serving CA has taken over what the new root certified.
	check 'and soon trusts the new one alone' eventually trusts_one $name
	expect 0 'and asks' "$certpool" verify $name c${name#client}/cert/cert_key1.crt --online
done
stop "$ca"
start_tls_ca
expect 0 'also after a restart' "$certpool" verify client1 c1/cert/cert_key1.crt --online
stop "$ca"

# --- old devices ---
sed -i 's/root_layout: root2, layout: ca2/&, tls: {minimum: "1.2"}/' manifest.yaml
start_tls_ca
check 'TLS 1.2, if the manifest allows it' s_client -tls1_2
check 'with forward secrecy' grep -q 'New, TLSv1.2, Cipher is ECDHE-ECDSA-AES128-GCM-SHA256' out
s_client -tls1_2 -sess_out session
s_client -tls1_2 -sess_in session
check 'each session has a key exchange of its own' grep -q '^New, TLSv1.2' out
for cipher in AES128-GCM-SHA256 NULL-SHA256 ECDHE-ECDSA-AES128-SHA; do
	check_not "without: $cipher" s_client -tls1_2 -cipher "$cipher:@SECLEVEL=0"
	check 'gets an alert' grep -qE 'alert handshake failure' err
done
check_not 'TLS 1.1 is refused' s_client -tls1_1 -cipher 'ALL:@SECLEVEL=0'
check 'TLS 1.3 comes first' s_client
check 'for whoever has it' grep -q 'New, TLSv1.3' out
coproc openssl s_client -connect "${endpoint#https://}" -tls1_2 -CAfile "$root" 2>&1
# The shell closes its ends as soon as it sees that the process has ended.
exec 8<&"${COPROC[0]}" 9>&"${COPROC[1]}"
echo R >&9
cat <&8 >out
exec 8<&- 9>&-
check 'renegotiation ends the connection' grep -q '^RENEGOTIATING' out
check_not 'without an answer' grep -q '^HTTP' out
equal 'and nothing else' 200 "$(get /health)"
stop "$ca"

# --- what the server cannot be without ---
sed -i "s|https://$host:$port|https://0.0.0.0:$port|; s|, tls: {minimum: \"1.2\"}||" manifest.yaml
rm ca2/cert/server.crt
expect 2 'without any name' timeout 300 "$certpool" serve
says 'there is no certificate' 'needs a name: expected in ca.endpoint .* or names: beside it'

# --- a certificate that is cut short by its issuer, which is replaced ---
mkdir short
cd short || exit 1
root=ca/cert/root.crt
manifest_https 1 1 | sed "s|layout: ca,|layout: ca, root_layout: root, intermediate: {validity: 60d}, ocsp: {url: http://$host/ocsp},|" >manifest.yaml
"$certpool" init -q >out 2>err
start_https_ca
equal 'it ends with its issuer' "$(openssl x509 -in ca/cert/ca.crt -noout -enddate)" "$(openssl x509 -in ca/cert/server.crt -noout -enddate)"
stop "$ca"
first=$(serial_of ca/cert/server.crt)
expect 0 'another issuer' under_clock +45d "$certpool" rotate ca
ahead_by +45d
start_https_ca
check 'certifies the server in time' test "$(serial_of ca/cert/server.crt)" != "$first"
stop "$ca"

# --- one that cannot be written ---
rm ca/cert/server.crt
mkdir ca/cert/server.crt
start_https_ca
check 'is used' s_client
check 'and complained about' grep -q 'the certificate of the TLS server: .*server.crt' serve.err
stop "$ca"
