#!/usr/bin/env bash
# The shell client (curl, jose, openssl) enrolls a pool of two, sends a message that client2 accepts, and
# asks for a status.
client=$(dirname "$(realpath "$0")")/shell-client.sh
. "$(dirname "$0")/../e2e/lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://127.0.0.1:0"}
clients:
  shell: {pool: {size: 2}}
  client2: {pool: {size: 1}, endpoint: "http://127.0.0.1:0"}
END
expect 0 'init' "$certpool" init
start_ca
start_receiver client2

cd shell || exit 1
expect 0 'the shell client enrolls a pool of two' "$client" enroll shell "$CERTPOOL_CA" 2
equal 'it saved two certificates' 2 "$(count_files cert 'cert_key*.crt')"
expect 0 'it sends a message' "$client" send shell client2 "$inbox" 2 'bonjour from a shell'
prints 'client2 verified it' '^verified$'
equal 'client2 printed it' 'bonjour from a shell' "$(cat ../receive.out)"
expect 0 'it asks about a certificate' "$client" status shell "$CERTPOOL_CA" cert/cert_key1.crt
prints 'the CA says good' '^good$'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -subj /CN=shell-1 -out other.crt 2>/dev/null
expect 0 'it asks about a certificate of nobody' "$client" status shell "$CERTPOOL_CA" other.crt
prints 'the CA says unknown' '^unknown$'
cp other.crt cert/cert_key2.crt
expect 3 'a message with a certificate of nobody' "$client" send shell client2 "$inbox" 2 'bonjour'
prints 'client2 refused it' '^refused$'
cd ..

expect 0 'certpool goes on with the pool of the shell client' "$certpool" enroll shell
expect 0 'and sends from it' "$certpool" send shell client2 --endpoint "$inbox" --member 1 'from certpool'
