#!/usr/bin/env bash
# The memory of a working CA: it holds the needed keys, once, and no text of them.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

if [ "$(id -u)" -ne 0 ] || sanitized; then
	skip 'memory holds no text of a key' 'this needs root, and no sanitizer that keeps what is freed'
	exit
fi

hex() { od -An -tx1 | tr -d ' \n'; }

manifest 100 1 >manifest.yaml
"$certpool" init -q >init.log
"$certpool" request client1 -q >request.log
start_ca
check 'a pool is enrolled' "$certpool" enroll client1
k=$(sed -E 's/.*"k":"([^"]+)".*/\1/' client1/Private/shared_ca.jwk)
# catalogue 98, 99: the search finds the key itself once, which shows that the search works
equal 'of a shared key there is the key alone; of the root key no PEM' '1 0 0' "$(in_memory "$ca" \
	"$(printf '%s=' "$k" | tr '_-' '/+' | base64 -d | hex)" \
	"$(printf %s "$k" | hex)" \
	"$(sed -n 2p ca/Private/root.key | tr -d '\n' | hex)")"
