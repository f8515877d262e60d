#!/usr/bin/env bash
# Runs the three parts of the specification with real processes on loopback, and prints what happens.
# `make demo` runs it.
#
#   CERTPOOL=build/certpool ci/demo.sh FOLDER     makes FOLDER anew and leaves all files in it
set -euo pipefail

certpool=$(realpath "${CERTPOOL:-build/certpool}")
manifest=$(realpath "$(dirname "$0")/../pki-layout/manifest.yaml")
folder=${1:-build/demo}
running=()

stop() {
	kill "$@"
	for process; do wait "$process"; done
}

finish() {
	local status=$?
	[ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2>/dev/null || true
	[ $status -eq 0 ] || echo "demo: failed; its files are in $folder" >&2
}
trap finish EXIT
trap 'exit 130' INT TERM

# start LOG VERB…: starts a server on a free port and sets $endpoint.
start() {
	local log=$1
	shift
	mkfifo "$log.ready"
	"$certpool" "$@" --listen http://127.0.0.1:0 --ready 3 3>"$log.ready" >"$log.out" 2>"$log.log" &
	running+=($!)
	read -r endpoint <"$log.ready" || { cat "$log.log" >&2 && exit 1; }
	rm "$log.ready"
}

# refused COMMAND…: runs a command that must end with exit status 3, and prints the reason.
refused() {
	local status=0
	"$@" -q >/dev/null 2>refusal || status=$?
	if [ $status -ne 3 ]; then
		echo "demo: expected exit status 3, found $status: $*" >&2
		cat refusal >&2
		exit 1
	fi
	sed -n '1s/^certpool [a-z]*:/   /p' refusal
	rm refusal
}

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
cp "$manifest" manifest.yaml
"$certpool" init -q >init.log

printf '\nPart 1: a pool is certified\n'
start ca serve
sed -i "s|http://127.0.0.1:8440|$endpoint|" manifest.yaml
echo "  The CA serves at $endpoint. Its self-signed X.509 root: ca/cert/root.crt"
for client in client1 client2; do
	"$certpool" request $client -q >$client.log
	n=$(find $client/CSR_file -name 'csr_key*.csr' | wc -l)
	echo "  $client made $n key pairs and requests:"
	echo "      $client/Private/private_key{1..$n}.key, $client/CSR_file/csr_key{1..$n}.csr"
	"$certpool" enroll $client -q >>$client.log
	n=$(find $client/cert -name 'cert_key*.crt' | wc -l)
	echo "    sent them to the CA as {\"key1\": …}, encrypted with AES; saved the certificates that came back:"
	echo "      $client/cert/cert_key{1..$n}.crt"
done

printf '\nPart 2: client1 sends (M, signature, certificate) to client2, encrypted with AES\n'
start client2.receive receive client2 --online
sed -i "s|http://127.0.0.1:8442|$endpoint|" manifest.yaml
echo "  client2 receives at $endpoint. Ten times client1 draws a certificate and signs with its key (SHA-256):"
"$certpool" send client1 client2 --count 10 bonjour >sent
sed 's/^/    /' sent
[ "$(grep -c bonjour client2.receive.out)" -eq 10 ]
echo '  A message arrives twice; the second time it is a replay:'
"$certpool" send client1 client2 --output replayed.jwe 'pay 100 to Mallory'
"$certpool" send client1 client2 --deliver replayed.jwe | sed 's/^/    /'
refused "$certpool" send client1 client2 --deliver replayed.jwe
echo '  Mallory stole the AES key that client1 and client2 share, and forges with a CA of his own:'
mkdir mallory
sed 's/certpool Root CA/Mallory Root CA/' manifest.yaml >mallory/manifest.yaml
"$certpool" init -q -m mallory/manifest.yaml >mallory.log
start mallory.ca serve -m mallory/manifest.yaml
"$certpool" request client1 -q -m mallory/manifest.yaml >>mallory.log
"$certpool" enroll client1 -q -m mallory/manifest.yaml --ca "$endpoint" >>mallory.log
cp -p client1/Private/shared_client2.jwk mallory/client1/Private/
refused "$certpool" send -m mallory/manifest.yaml client1 client2 'pay 100 to Mallory'

printf '\nPart 3: client2 asks the CA about the certificates that came with the messages\n'
for certificate in client2/received/*.crt; do
	"$certpool" verify client2 "$certificate" --online -q
done | tee verified | sed 's/^/    /'
[ "$(grep -c ': good: ' verified)" -eq "$(find client2/received -name '*.crt' | wc -l)" ]

stop "${running[@]}"
running=()
printf '\nAll files are in %s\n' "$PWD"
