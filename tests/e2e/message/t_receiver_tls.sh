#!/usr/bin/env bash
# Messages over TLS: a receiver at an https endpoint has one more member, whose certificate its senders check.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

port=$(free_port 22000)
manifest_https 3 3 | sed "s|layout: ca,|layout: ca, root_layout: root,|; s|client2: {pool: {size: 3}, endpoint: \"http://127.0.0.1:0\"}|client2: {pool: {size: 3}, endpoint: \"https://$host:$port\"}|" >manifest.yaml
"$certpool" init -q >out
start_https_ca
for name in client1 client2; do "$certpool" request $name -q >out && "$certpool" enroll $name -q >out; done

# --- what the policy has to allow ---
expect 6 'without the usage' timeout 300 "$certpool" receive client2
says 'the CA refuses, and why is said' 'client2: no certificate for its https endpoint: the CA refuses client2/server: .*usage'
"$certpool" client set client2 --usages sign,server >out 2>err
expect 6 'without the name' timeout 300 "$certpool" receive client2
says 'the CA refuses' "alternative name \"IP:$host\" is not allowed.* its policy for client2 has to allow the usage server, the host's name"
"$certpool" client set client2 --alt-names "IP:$host" >out 2>err
start_tls_receiver() {
	start receive receive client2 "$@"
	receiver=$server
}
start_tls_receiver
equal 'with both it receives' "https://$host:$port" "$endpoint"
check 'and says that it has a certificate' grep -q 'client2: has a certificate for its https endpoint' receive.err
equal 'which is a member of its own' client2/server "$("$certpool" list --client client2 --json | jq -r 'select(.member == "server") | .client + "/" + .member')"
equal 'the key is secret' '600 700' "$(mode client2/Private/server/server.key) $(mode client2/Private/server)"
check 'it is for servers, under the address' openssl verify -CAfile client2/cert/root.crt -untrusted client2/cert/ca.crt -purpose sslserver -verify_ip "$host" client2/cert/server.crt

# --- messages ---
expect 0 'a message' "$certpool" send client1 client2 bonjour
expect 0 'many' "$certpool" send client1 client2 --count 50 salut
equal 'all came' 51 "$(grep -c . receive.out)"
check 'openssl sees the chain' openssl s_client -connect "$host:$port" -CAfile client1/cert/root.crt -verify_return_error </dev/null
equal 'no other path' 404 "$(curl -s --cacert client1/cert/root.crt -o answer -w '%{http_code}' "$endpoint/health")"
mkdir x
cp manifest.yaml x
own_record x/manifest.yaml x
expect 3 'a sender that has pinned another root' bash -c "cp -a client1 other && rm other/cert/root.crt && (cd x && '$certpool' init -q 2>/dev/null >/dev/null && cp ca/cert/root.crt ../other/cert/root.crt) && sed 's|client1: {|client1: {layout: other, |' manifest.yaml >other.yaml && '$certpool' send client1 client2 bonjour -m other.yaml"
says 'refuses the receiver' "the server's certificate is not to be trusted"
expect 6 'without TLS' "$certpool" send client1 client2 bonjour --endpoint "http://$host:$port"
says 'the receiver says what it speaks' 'this port speaks TLS: expected https://'
first=$(openssl x509 -in client2/cert/server.crt -noout -serial)
stop "$receiver"
start_tls_receiver
equal 'a restart keeps the certificate' "$first" "$(openssl x509 -in client2/cert/server.crt -noout -serial)"
stop "$receiver"
: >client2/Private/server/server.key
start_tls_receiver
check 'a damaged key is replaced' test "$first" != "$(openssl x509 -in client2/cert/server.crt -noout -serial)"
expect 0 'and messages come' "$certpool" send client1 client2 bonjour
stop "$receiver"
expect 0 'the client is well' "$certpool" check client2

# --- what becomes of the certificate ---
serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2 | tr 'A-F' 'a-f'; }
shown() { openssl s_client -connect "$host:$port" </dev/null 2>/dev/null | openssl x509 >shown.crt && serial_of shown.crt; }
first=$(serial_of client2/cert/server.crt)
expect 0 'it is revoked' "$certpool" revoke "$first"
start_tls_receiver
shows_another() { shown >serial && [ "$(cat serial)" != "$first" ]; }
check 'a receiver asks the CA about it, and has another one' eventually shows_another
# It is shown first, and then saved.
shows_its_file() { [ "$(shown)" = "$(serial_of client2/cert/server.crt)" ]; }
check 'which is in its file' eventually shows_its_file
stop "$receiver"
rm client2/cert/server.crt
mkdir client2/cert/server.crt
start_tls_receiver
check 'one that cannot be written is shown' shown
check 'and complained about' grep -q 'client2/cert: .*server.crt' receive.err
stop "$receiver"
rmdir client2/cert/server.crt
start_tls_receiver
stop "$receiver"
stop "$ca"
expect 0 'the CA is well' "$certpool" check
# Less than a third of the certificate's 90 days is left.
ahead_by +61d
start_tls_receiver
equal 'without the CA, one that is due for renewal goes on' "$(serial_of client2/cert/server.crt)" "$(shown)"
stop "$receiver"
