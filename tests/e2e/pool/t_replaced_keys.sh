#!/usr/bin/env bash
# catalogue 117: a shared key that is replaced in its file, because it was stolen, is not valid any more.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 2 2 >manifest.yaml
"$certpool" init -q >out
# Other keys of the same form, for the replacements.
mkdir new newer
for folder in new newer; do
	cp manifest.yaml $folder
	"$certpool" init -q -m $folder/manifest.yaml >out
done
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
start_receiver client2

# The thief has all that client1 had.
cp -r client1 stolen
sed 's/client1: {/client1: {layout: stolen, /' manifest.yaml >thief.yaml

# replace FOLDER: puts that folder's keys into the files that are there, of client1 and both its peers.
replace() {
	local peer
	for peer in ca client2; do
		cat "$1/$peer/Private/shared_client1.jwk" >"$peer/Private/shared_client1.jwk"
		cat "$1/client1/Private/shared_$peer.jwk" >"client1/Private/shared_$peer.jwk"
	done
}
ask() { "$certpool" verify client1 client1/cert/cert_key1.crt --online "$@" >out 2>err; }
send() { "$certpool" send client1 client2 --endpoint "$inbox" "$@" x >out 2>err; }
refused() { ! "$@"; }

expect 0 'the stolen key is good for now, at the CA' ask -m thief.yaml
expect 0 'and at the receiver' send -m thief.yaml
replace new
kill -HUP "$ca" "$receiver"
check 'the receiver goes on at SIGHUP' eventually grep -q 'SIGHUP: read the shared keys again' receive.err
check 'the CA too' eventually grep -q 'SIGHUP: manifest.yaml' serve.err
check 'the CA does not take the stolen key any more' eventually refused ask -m thief.yaml
check 'nor does the receiver' refused send -m thief.yaml
check 'the CA takes the new one' ask
check 'so does the receiver' send

# Without SIGHUP it takes a second.
rm -r stolen && cp -r client1 stolen
replace newer
check 'the CA sees a replaced key by itself' eventually refused ask -m thief.yaml
check 'the receiver too' eventually refused send -m thief.yaml
check 'the CA takes the new one' ask
check 'so does the receiver' send

# check names each key that is not good.
echo x >ca/Private/shared_client1.jwk
echo x >ca/Private/shared_client2.jwk
expect 1 'check' "$certpool" check
for client in client1 client2; do
	prints "check names the key of $client" "^ca/Private/shared_$client\.jwk: JWK: .*: put that file back from a backup; or remove it: certpool invite makes another"
done
cp -p newer/ca/Private/shared_client1.jwk ca/Private/
cp -p newer/ca/Private/shared_client1.jwk ca/Private/shared_client2.jwk
expect 1 'check of one key for two clients' "$certpool" check
prints 'says so' '^ca/Private/shared_client2\.jwk: .*the same key is shared with client1 and with client2'
