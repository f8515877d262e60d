#!/usr/bin/env bash
# The CA's key under a passphrase, and in a PKCS#11 token (SoftHSM).
# shellcheck source-path=SCRIPTDIR source=../lib.sh
page=$(realpath "$(dirname "$0")/../../../docs/running-a-ca.md")
. "$(dirname "$0")/../lib.sh"

passphrase='correct horse battery'
# A PIN of this run alone: the test searches the arguments of every process for it.
pin=4711-$$

# ca_manifest MORE [SIZE]: a CA with more manifest keys than by default, and a client.
ca_manifest() {
	cat <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0", $1}
		clients: {client1: {pool: {size: ${2-3}}}}
	END
}

secret() { (umask 077 && printf '%s\n' "$2" >"$1"); }

# --- A passphrase

ca_manifest 'passphrase_file: phrase' >manifest.yaml
expect 4 'init without the passphrase file' "$certpool" init
says 'names the file that is missing' "the passphrase of the CA's key: phrase: No such file"
secret phrase "$passphrase"
chmod 644 phrase
expect 6 'init with a passphrase that others can read' "$certpool" init
says 'says how to mend it' 'phrase: expected mode 0600, found 0644.*chmod 600'
chmod 600 phrase
check_not 'no key was made meanwhile' test -e ca/Private/root.key
expect 0 'init with a passphrase' "$certpool" init
equal 'the key is encrypted' '-----BEGIN ENCRYPTED PRIVATE KEY-----' "$(head -n 1 ca/Private/root.key)"
equal 'and for its owner alone' 600 "$(mode ca/Private/root.key)"
check 'openssl opens it with the passphrase' openssl pkey -in ca/Private/root.key -passin file:phrase -check -noout
check_not 'and not with another' openssl pkey -in ca/Private/root.key -passin pass:other -noout
check 'certtool opens it' certtool --key-info --infile ca/Private/root.key --password "$passphrase"

start_ca
"$certpool" request client1 -q >request.out
expect 0 'serve reads it, and certifies' "$certpool" enroll client1
stop "$ca"

sed '/passphrase_file/s/, passphrase_file: phrase//' manifest.yaml >none.yaml
expect 6 'serve without the passphrase' "$certpool" serve -m none.yaml
says 'says that there is none' 'ca/Private/root.key: the private key is encrypted, and there is no passphrase'
secret wrong 'incorrect horse'
expect 6 'serve with another passphrase' "$certpool" serve -m none.yaml --passphrase-file wrong
says 'says whose it is not' 'root.key: with wrong: the passphrase does not open the private key'
expect 2 'two passphrases' "$certpool" serve --passphrase-file phrase --passphrase-fd 3
expect 0 'init takes it from a descriptor' "$certpool" init -m none.yaml --passphrase-fd 5 5<phrase
expect 0 'or from standard input' "$certpool" init -m none.yaml --passphrase-file - <phrase
expect 0 'or from a file that the environment names' env CERTPOOL_PASSPHRASE_FILE=phrase "$certpool" init -m none.yaml
expect 6 'init with a wrong one, again' "$certpool" init -m none.yaml --passphrase-file wrong
: >empty && chmod 600 empty
expect 1 'an empty passphrase file' "$certpool" init -m none.yaml --passphrase-file empty
says 'says what was expected' 'empty: expected one line of 1 to 1024 octets'
check_not 'no message quotes a passphrase' grep -rF -e "$passphrase" -e 'incorrect horse' out err serve.out serve.err

# Keys that other tools encrypted, and keys that are not encrypted.
openssl pkey -in ca/Private/root.key -passin file:phrase -out plain.key
(umask 077 && openssl pkcs8 -topk8 -v2 aes-256-cbc -in plain.key -passout file:phrase -out theirs.key)
cp theirs.key ca/Private/root.key
expect 0 'a key that openssl encrypted is opened' "$certpool" init
cp plain.key ca/Private/root.key
expect 6 'a passphrase for a plain key' "$certpool" init
says 'says that the key is plain' 'there is a passphrase \(phrase\), and the private key is not encrypted'
expect 0 'a plain key needs none' "$certpool" init -m none.yaml

ca_manifest 'layout: other' | sed 's/layout: ca, //; s/client1/client9/' >run.yaml
cat >>run.yaml <<-END
	batch: [{enroll: [client9]}]
END
sed -i 's/layout: other/layout: other, passphrase_file: phrase/' run.yaml
expect 0 'run makes and uses an encrypted key' "$certpool" run -m run.yaml
check 'it is encrypted' grep -q "BEGIN ENCRYPTED" other/Private/root.key

# --- A token

if ! command -v softhsm2-util >/dev/null || ! command -v p11tool >/dev/null; then
	fail 'there is SoftHSM' 'run ci/install-deps.sh check'
	exit
fi
rm -rf ca client1
mkdir tokens
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$PWD/tokens" >softhsm2.conf
export SOFTHSM2_CONF=$PWD/softhsm2.conf
softhsm2-util --init-token --free --label certpool --pin $pin --so-pin 12345678 >/dev/null

token_manifest() { ca_manifest "key: \"pkcs11:token=certpool;object=ca\", pin_file: pin" "$@"; }
token_manifest >manifest.yaml
ca_manifest 'key: "pkcs11:object=ca?pin-value=4711-4711"' >bad.yaml
expect 2 'a PIN in the manifest is refused' "$certpool" init -m bad.yaml
says 'and said where it belongs' 'without pin-value and pin-source: the PIN is read from ca.pin_file'
expect 4 'init without the PIN file' "$certpool" init
secret pin $pin
expect 4 'init when the token has no such key' "$certpool" init
says 'says how to make one' 'the token has no such private key: to make one, run p11tool --login --mark-private --generate-privkey=ecdsa --curve=secp256r1 '\''--label=ca'\'' '\''pkcs11:token=certpool'\''$'
check 'which is what docs/running-a-ca.md says' grep -q -- "--label=ca pkcs11:token=certpool" "$page"
GNUTLS_PIN=$pin bash -c "$(sed -n 's/.*to make one, run //p' err)" >p11.log 2>&1
chmod 644 pin
expect 6 'init with a PIN that others can read' "$certpool" init
chmod 600 pin
expect 0 'init makes the root for the key in the token' "$certpool" init
equal 'no key is in the layout' 0 "$(count_files ca/Private 'root.key')"
check 'the root is that key'\''s' openssl verify -CAfile ca/cert/root.crt ca/cert/root.crt
expect 2 'a passphrase where no key is a file' "$certpool" init --passphrase-file wrong

start_ca
check 'the signer says that it has no sandbox' grep -q 'in a token, whose module does what it likes' serve.err
"$certpool" request client1 -q >request.out
expect 0 'the token certifies' "$certpool" enroll client1
check 'members verify under the root' openssl verify -CAfile ca/cert/root.crt client1/cert/cert_key1.crt

# catalogue 101: the PIN appears nowhere
ps axww -o args >processes
tr '\0' '\n' <"/proc/$ca/environ" >environment 2>/dev/null
check_not 'no PIN in argument, environment or log' grep -F -e $pin processes environment serve.out serve.err out err
stop "$ca"

# catalogue 101: a wrong PIN, repeatedly
secret kept $pin
secret pin 0815-$$
for _ in 1 2 3; do
	expect 6 'serve with a wrong PIN' "$certpool" serve
	says 'says that it was tried once' 'with pin: .*the PIN is wrong: it was tried once, and will not be tried again'
	check_not 'without the PIN' grep -F -e $pin -e 0815-$$ err
done
mv kept pin

# catalogue 101: no module, no token, another token
expect 7 'serve when the module has no token' env SOFTHSM2_CONF=/nonexistent "$certpool" serve
says 'says what to look at' 'there is no token at all: is the PKCS#11 module installed'
sed 's/token=certpool/token=other/' manifest.yaml >other.yaml
expect 7 'serve when there is another token' "$certpool" serve -m other.yaml
says 'says how to see which there are' 'there is no such token: p11tool --list-tokens'

# catalogue 101: the token vanishes in the middle of a batch
before=$(rows)
token_manifest 603 >manifest.yaml
objects=()
for object in "$PWD"/tokens/*/*.object; do objects+=(-P "$object"); done
on_two_cores
# -ff: a file for each thread, or a call during which another thread does one is in two lines.
launcher=(env ASAN_OPTIONS=detect_leaks=0 strace -D -ff --seccomp-bpf -o trace "${objects[@]}" -e trace=openat
	-e inject=openat:error=ENOENT:when=110+)
start_ca
launcher=()
"$certpool" request client1 -q >request.out
expect 1 'enroll when the token vanishes in the middle' "$certpool" enroll client1
says 'the client learns that it can try again' 'failed.*try again'
check 'it had signed some by then' test "$(cat trace.* | grep -c 'openat.*object.*= [0-9]')" -ge 99
check 'and then could not' grep -q INJECTED trace.*
# The client asks for the 600 missing members in two or more requests; strace counts each thread separately,
# so another request may have had a complete answer.
recorded=$(($(rows) - before))
check 'nothing of that request was recorded' test $((recorded % 150)) -eq 0 -a $recorded -lt 600
equal 'nothing of it was saved' $((recorded + 3)) "$(count_files client1/cert 'cert_key*.crt')"
check 'the log says why' grep -q '/v1/certificates: 500: .*PKCS #11' serve.err
stop "$ca"
start_ca
expect 0 'when it is back, the same request succeeds' "$certpool" enroll client1
equal 'with one certificate for each member' 603 "$(rows)"
stop "$ca"

# The next issuer's key is in the same token, under a label of its own.
rotate_with_token() {
	local what=$1 object=$2
	expect 4 "rotate $what without the next key in the token" "$certpool" rotate "$what"
	says 'says how to make it' "the token has no such private key: to make one, run p11tool .*'--label=$object-2' 'pkcs11:token=certpool'$"
	check_not 'and makes nothing' test -e ca/cert/ca.2.crt
	GNUTLS_PIN=$pin bash -c "$(sed -n 's/.*to make one, run //p' err)" >p11.log 2>&1
	expect 0 "rotate $what with it" "$certpool" rotate "$what"
	check 'serve issues by it' eventually grep -q 'issuer 2, .* issues from now on' serve.err
	"$certpool" renew client1 --all -q >out 2>err
	check 'a new certificate is below it' openssl verify -CAfile ca/cert/root.crt -untrusted ca/cert/ca.2.crt client1/cert/cert_key1.crt
	equal 'no key is in the layout' 0 "$(count_files ca/Private '*.key')"
	expect 0 'the CRLs of both' "$certpool" crl --chain
}
token_manifest 1 >manifest.yaml
rm -rf client1 && "$certpool" init client1 -q >out && "$certpool" request client1 -q >out
"$certpool" client set client1 --certificates 2000 -q >out
start_ca
"$certpool" enroll client1 -q >out
rotate_with_token root ca
expect 0 'finishing' "$certpool" rotate root --finish
check 'the key of the token is the root'\''s' cmp ca/cert/root.crt ca/cert/ca.2.crt
stop "$ca"
rm -rf ca client1
ca_manifest 'root_layout: stick, key: "pkcs11:token=certpool;object=below", pin_file: pin' 1 >manifest.yaml
"$certpool" init -q >out 2>err
GNUTLS_PIN=$pin bash -c "$(sed -n 's/.*to make one, run //p' err)" >p11.log 2>&1
check 'init of a CA below a root' "$certpool" init -q
"$certpool" request client1 -q >out
start_ca
"$certpool" enroll client1 -q >out
rotate_with_token ca below
stop "$ca"
sed -i 's/object=below/object=below;id=%01/' manifest.yaml
expect 6 'a key by its id' "$certpool" crl --renew
says 'has no next one' 'expected the key by its label alone'
