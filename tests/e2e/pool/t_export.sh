#!/usr/bin/env bash
# A member's certificate and key for other software: the chain in PEM, PKCS#12, DER.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, root_layout: root, endpoint: "http://$host:$(free_port 8440)"$store}
clients:
  web: {pool: {size: 2, usages: [server, client]}}
END
expect 0 'init' "$certpool" init
start serve serve
"$certpool" request web -q >out
expect 0 'enroll' "$certpool" enroll web
stop "$server"
echo 'pass word' >passphrase
chmod 600 passphrase

# The chain, without the root.
expect 0 'the chain' "$certpool" export web/1 --fullchain web.pem
silent 'and nothing else'
equal 'of the certificate and its issuer' 2 "$(grep -c BEGIN web.pem)"
check 'is what openssl needs beside the root' openssl verify -purpose sslserver -CAfile web/cert/root.crt -untrusted web.pem web.pem
check 'the member'\''s first' cmp <(openssl x509 -in web.pem) <(openssl x509 -in web/cert/cert_key1.crt)
expect 6 'a file that is there' "$certpool" export web/2 --fullchain web.pem --p12 web2.p12 --passphrase-file passphrase
check_not 'is left alone, and no other is written' test -e web2.p12
expect 0 'on standard output' "$certpool" export web/1 --fullchain - -q
check 'the same' cmp out web.pem

# PKCS#12.
expect 0 'PKCS#12' "$certpool" export web/1 --p12 web.p12 --passphrase-file passphrase --json
check 'says what it wrote' jq -e '.member == "web/1" and .p12 == "web.p12" and .subject == "CN=web-1"' out
equal 'for its owner alone' 600 "$(mode web.p12)"
check 'openssl reads key and chain' openssl pkcs12 -in web.p12 -passin file:passphrase -nodes -out all.pem
equal 'both certificates' 2 "$(grep -c 'BEGIN CERTIFICATE' all.pem)"
check 'the key is the member'\''s' cmp <(openssl pkey -in all.pem -pubout) <(openssl pkey -in web/Private/private_key1.key -pubout)
check_not 'not under another passphrase' openssl pkcs12 -in web.p12 -passin pass:wrong -nodes
check 'certtool reads it' certtool --p12-info --inder --infile web.p12 --password 'pass word'
expect 6 'nor is it overwritten' "$certpool" export web/1 --p12 web.p12 --passphrase-file passphrase
printf 'pass\xff\n' >latin1
chmod 600 latin1
expect 2 'a passphrase that no other program could be told' "$certpool" export web/1 --p12 other.p12 --passphrase-file latin1
says 'says so' 'expected a passphrase in UTF-8'
chmod 644 passphrase
expect 6 'a passphrase that others can read' "$certpool" export web/1 --fullchain other.pem --p12 other.p12 --passphrase-file passphrase
check_not 'makes no file' test -e other.p12
check_not 'and none of the chain' test -e other.pem

# DER.
expect 0 'DER' "$certpool" export web/1 --der
check 'the certificate alone' cmp out <(openssl x509 -in web/cert/cert_key1.crt -outform DER)

# What it refuses.
expect 2 'nothing to write' "$certpool" export web/1
says 'says what there is' 'expected --fullchain, --p12 or --der'
expect 2 'no passphrase' "$certpool" export web/1 --p12 other.p12
says 'says so' 'expected --p12 and --passphrase-file, found one of them'
expect 2 'one file for two things' "$certpool" export web/1 --fullchain one --p12 one --passphrase-file passphrase
check_not 'writes none' test -e one
expect 2 'a whole pool' "$certpool" export web --der
expect 2 'two things on standard output' "$certpool" export web/1 --der --fullchain -
expect 2 'a member that the pool does not have' "$certpool" export web/3 --der
mv web/Private/private_key2.key key2
expect 4 'a member without its key' "$certpool" export web/2 --der
mv key2 web/Private/private_key2.key
mkdir other
cp manifest.yaml other/
own_record other/manifest.yaml other
"$certpool" init -q -m other/manifest.yaml >out
cp other/web/cert/root.crt web/cert/root.crt
expect 3 'a certificate of another root' "$certpool" export web/1 --fullchain other.pem
check_not 'is not exported' test -e other.pem
