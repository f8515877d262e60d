#!/usr/bin/env bash
# NSS, the library of Firefox and Thunderbird, imports what `certpool export --p12` writes, as their import does,
# and takes the certificates for their usages alone. (Its 3.87 has no Ed25519.)
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, root_layout: root, endpoint: "http://$host:$(free_port 8440)"}
clients:
  web: {pool: {size: 1, usages: [server]}}
  user: {pool: {size: 1, key: rsa-2048, usages: [client]}}
  mail: {pool: {size: 1, key: ecdsa-p384, usages: [email], alt_names: ["email:{client}@example.org"]}}
END
"$certpool" init -q >out
start serve serve
(umask 077 && printf 'pass word' >passphrase)
mkdir nss
certutil -N -d sql:nss --empty-password
certutil -A -d sql:nss -n root -t CT,C,C -i root/cert/root.crt
for client in web user mail; do
	"$certpool" request "$client" -q >out && "$certpool" enroll "$client" -q >out
	"$certpool" export "$client/1" --p12 "$client.p12" --passphrase-file passphrase -q
	check "NSS imports $client's" pk12util -i "$client.p12" -d sql:nss -w passphrase -K ''
done
stop "$server"
certutil -K -d sql:nss >keys
equal 'with keys under the names of the members' 3 "$(grep -cE 'web/1|user/1|mail/1' keys)"
good() { certutil -V -d sql:nss -n "$1" -u "$2"; }
unfit() { good "$@" 2>&1 | grep -E 'Certificate (type not approved for application|key usage inadequate for attempted operation)'; }
check 'a server'\''s certificate is valid for a server' good web/1 V
check 'and for no client' unfit web/1 C
check 'a client'\''s for a client' good user/1 C
check 'and for no server' unfit user/1 V
check 'for mail, for a signature' good mail/1 S
check 'and for no server' unfit mail/1 V
