#!/usr/bin/env bash
# Two front ends whose issuing key is in a token (SoftHSM), each in its own: neither packet nor record has it.
# shellcheck source-path=SCRIPTDIR source=front_ends.sh
. "$(dirname "$0")/front_ends.sh"

pin=4711-$$
secret() { (umask 077 && printf '%s\n' "$2" >"$1"); }
for number in 1 2; do
	mkdir "tokens$number"
	printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$PWD/tokens$number" >"softhsm2.$number"
done
token_of() { export SOFTHSM2_CONF=$folder/softhsm2.$1; }
# As an HSM copies its keys to another one.
copy_token() { cp -r tokens1/. tokens2; }
make_key() { GNUTLS_PIN=$pin p11tool --login --mark-private --generate-privkey=ecdsa --curve=secp256r1 --label="$1" 'pkcs11:token=certpool' >p11.log 2>&1; }
at2() { (cd second && token_of 2 && "$@"); }
key_files() { (cd "$1/ca/Private" && echo *.key); }
issued_by() { openssl x509 -in "$1/cert/cert_key1.crt" -noout -issuer | grep -q "serialNumber *= *$2"; }

token_of 1
softhsm2-util --init-token --free --label certpool --pin $pin --so-pin 12345678 >out
secret pin $pin
secret packet.phrase 'a passphrase of the packet'
check 'a key is made in the token' make_key below
manifest 5 5 | sed 's/layout: ca,/layout: ca, root_layout: root, key: "pkcs11:token=certpool;object=below", pin_file: pin,/' >manifest.yaml
expect 0 'a CA whose key is in a token' "$certpool" init -q
expect 0 'gets another front end' "$certpool" front-end add ca2 --passphrase-file packet.phrase
says 'which needs the token' "the CA's key is in a token, and is not in the packet: the other host needs the token, too"
check_not 'no key of an issuer is in the packet' grep -E '(root|ca)(\.[0-9]+)?\.key' <(tar tf ca2.tar)
mkdir second
secret second/pin $pin
expect 0 'it joins' at2 "$certpool" front-end join ../ca2.tar --passphrase-file ../packet.phrase
equal 'with no key but its own' front_end.key "$(key_files second)"
expect 7 'without a token it does not serve' at2 "$certpool" serve --listen "http://$host:0"
says 'and is told so' 'there is no token at all'
copy_token
start_first
token_of 2
start_second
token_of 1
check 'with it both serve' eventually both_serve
CERTPOOL_CA=$second expect 0 'a client makes its pool' "$certpool" request client1 -q
CERTPOOL_CA=$second expect 0 'and enrolls at the second' "$certpool" enroll client1

# --- rotate ca ---
expect 4 'the next key has to be in the token' "$certpool" rotate ca
says 'under its label' "'--label=below-2'"
check 'it is made there' make_key below-2
copy_token
expect 0 'the CA is rotated at the first' "$certpool" rotate ca
says 'and the others need the key' 'the new key is in a token, and not in the record: each front end needs it in its own'
equal 'the record has none' 0 "$(ask_record ca 'select count(*) from issuer_key')"
taken() { curl -sf -o crl2 "$second/crl/2"; }
check 'the second takes it up without a restart' eventually taken
CERTPOOL_CA=$second expect 0 'another client makes its pool' "$certpool" request client2 -q
CERTPOOL_CA=$second expect 0 'and enrolls at the second' "$certpool" enroll client2
check 'under the new issuer' issued_by client2 2
for front in . second; do equal 'no key of it is in a file' front_end.key "$(key_files "$front")"; done

# --- a front end whose token lacks the newest key ---
stop "$second_server"
equal 'the second ends in order' 0 "$stopped"
check 'a third key is made in the first token alone' make_key below-3
expect 0 'the CA is rotated again' "$certpool" rotate ca --again
expect 4 'the second does not serve without it' at2 "$certpool" serve --listen "http://$host:0"
says 'and says how to make it' "the token has no such private key: .*'--label=below-3'"
copy_token
token_of 2
start_second
token_of 1
CERTPOOL_CA=$second expect 0 'with it, it issues' "$certpool" renew client2 --all
check 'under the newest' issued_by client2 3
expect 0 'the logs of both are whole' "$certpool" audit verify
expect 0 'the CA is well at the second' at2 "$certpool" check
for server in "$first_server" "$second_server"; do
	stop "$server"
	equal 'a front end ends in order' 0 "$stopped"
done
