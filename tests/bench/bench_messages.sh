#!/usr/bin/env bash
# Messages of 1 KiB, from the signature to the verdict at the sender.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Two clients with certificates, and a receiver that has cached all of the sender's.
make_clients() {
	new_folder messages
	manifest 20 ecdsa-p256
	enroll_for_messages client1 client2
}

send_with_certpool() {
	timed "$CERTPOOL" send client1 client2 --count "$n" --file "$folder/message" || return
	record messages certpool "$n" "$seconds"
}

cms_messages() {
	local i name
	for ((i = $1; i <= $3; i += $2)); do
		name=$cms/$i
		openssl cms -sign -binary -nodetach -in "$folder/message" -signer "$signer" -inkey "$signer_key" \
			-outform DER -out "$name.signed" &&
			openssl cms -encrypt -binary -aes-256-gcm -secretkey "$secret" -secretkeyid 01 \
				-in "$name.signed" -outform DER -out "$name.encrypted" &&
			openssl cms -decrypt -binary -inform DER -in "$name.encrypted" -secretkey "$secret" \
				-secretkeyid 01 -out "$name.decrypted" &&
			openssl cms -verify -binary -inform DER -in "$name.decrypted" -purpose any \
				-CAfile "$folder/client2/cert/root.crt" -out "$name.verified" || return
	done
}
cms_loops() {
	cms=$(mktemp -d "$WORK/cms.XXXXXX")
	timed_here at_a_time "$2" cms_messages "$n_cms" || return
	cmp -s "$folder/message" "$cms/$n_cms.verified" || { fail 'openssl cms: another message came out'; return; }
	record messages "$1" "$n_cms" "$seconds"
}
send_with_openssl() { cms_loops openssl 1; }
send_with_openssl_x2() { cms_loops openssl_x2 2; }

n=$(size 20000 4000 50)
n_cms=$(size 200 40 2)
make_clients || exit
signer=$folder/client1/cert/cert_key1.crt
signer_key=$folder/client1/Private/private_key1.key
peers=(certpool)
if needs messages openssl openssl && needs messages openssl_x2 openssl; then
	peers+=(openssl openssl_x2)
	secret=$(openssl rand -hex 32)
fi

for ((run = 0; run < RUNS; run++)); do
	limits ecdsa-p256
	for peer in "${peers[@]}"; do attempt messages "$peer" "send_with_$peer"; done
done
