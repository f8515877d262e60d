#!/usr/bin/env bash
# certpool init: layouts, the root, shared keys.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

expect 4 'without a manifest there is nothing to make' "$certpool" init
says 'the missing manifest is named' 'manifest\.yaml'

manifest 2 2 >manifest.yaml
expect 0 'init makes all nodes' "$certpool" init
prints 'it says what it made' '^ca: made the root CN='
prints 'it names the layouts' '^client2: made the layout client2$'
for directory in Private state; do
	for node in ca client1 client2; do
		equal "$node/$directory is for its owner alone" 700 "$(mode $node/$directory)"
	done
done
for directory in CSR_file cert received; do
	equal "client1/$directory may be read" 755 "$(mode client1/$directory)"
done
for key in ca/Private/root.key ca/Private/shared_client1.jwk client1/Private/shared_ca.jwk; do
	equal "$key is for its owner alone" 600 "$(mode $key)"
done
equal 'the root may be read' 644 "$(mode ca/cert/root.crt)"
check 'the CA and client1 share a key' cmp ca/Private/shared_client1.jwk client1/Private/shared_ca.jwk
check 'the clients share a key' cmp client1/Private/shared_client2.jwk client2/Private/shared_client1.jwk
check_not 'other nodes share another key' cmp ca/Private/shared_client1.jwk ca/Private/shared_client2.jwk
check 'the root is pinned in client1' cmp ca/cert/root.crt client1/cert/root.crt
check 'the root verifies itself' openssl verify -x509_strict -CAfile ca/cert/root.crt ca/cert/root.crt

# The record by what it says: free octets in its pages do not count.
all_there_is() {
	find . -type f -path './*/*' -not -name lock -not -name ca.db -exec sha256sum {} + | sort
	if [ -n "$store" ]; then
		pg_dump -h "$socket" -p "$port_of_database" -U certpool "$database" | grep -vE "^.(un)?restrict "
	else
		sqlite3 ca/state/ca.db .dump
	fi
}
all_there_is >before
expect 0 'init again succeeds' "$certpool" init
silent 'init again makes nothing'
all_there_is >after
check 'init again changes nothing' cmp before after

mkdir part
manifest 2 2 >part/manifest.yaml
own_record part/manifest.yaml part
expect 0 'init of one node' "$certpool" init client1 -m part/manifest.yaml
check_not 'the other nodes are not made' test -e part/ca
says 'a client without a root is told how to get one' 'certpool join'
expect 0 'the CA later' "$certpool" init ca -m part/manifest.yaml
prints 'a client that was not made here is invited next' '^then: certpool invite client1 -m part/manifest.yaml$'
check 'shares a key with the client that was there' cmp part/ca/Private/shared_client1.jwk part/client1/Private/shared_ca.jwk
expect 4 'a node that the manifest does not have' "$certpool" init client9 -m part/manifest.yaml
says 'is refused with the names that there are' 'client1.*client2'

# catalogue 32: names are escaped in JSON
mkdir json
manifest 1 1 | sed 's/layout: ca,/layout: "o\\"d\\\\d\\u00e9",/' >json/manifest.yaml
own_record json/manifest.yaml json
expect 0 'init --json' "$certpool" init --json -m json/manifest.yaml
check 'each line is a JSON object' jq -e . out
# shellcheck disable=SC1112
equal 'names are escaped' 'json/o"d\dé' "$(jq -r 'select(.node=="ca" and .made=="layout").detail' out)"

# catalogue 37: with umask 000 keys are 0600 from the first instant
mkdir open
manifest 1 1 >open/manifest.yaml
own_record open/manifest.yaml open
(
	umask 000
	# -ff: a file for each thread, or a call during which another thread does one is in two lines.
	ASAN_OPTIONS=detect_leaks=0 strace -ff -e trace=openat,openat2,open,creat,chmod,fchmod -o trace.init "$certpool" init -m open/manifest.yaml -q
	ASAN_OPTIONS=detect_leaks=0 strace -ff -e trace=openat,openat2,open,creat,chmod,fchmod -o trace.request "$certpool" request client1 -m open/manifest.yaml -q
) >/dev/null 2>&1
for key in open/ca/Private/root.key open/ca/Private/shared_client1.jwk open/client1/Private/private_key1.key; do
	equal "umask 000: $key" 600 "$(mode $key)"
done
# A file has its name at once, or, where the file system can do without, once it is written.
created() { grep -hE '((root\.key|\.jwk|private_key).*O_CREAT|O_TMPFILE)' "trace.$1".*; }
for verb in init request; do
	check "$verb created keys" test "$(created $verb | wc -l)" -ge 1
	equal 'every one with O_EXCL or without a name, and 0600' 0 "$(created $verb | grep -vcE '(O_EXCL|O_TMPFILE).*, 0600\)')"
done
check 'keys are created by name' grep -q '"\.private_key1\.key\.new".*O_CREAT' <(created request)
equal 'no mode wider than 0600 is given to a file in Private' 0 \
	"$(grep -hA1 -E '(root\.key|\.jwk|private_key).*O_CREAT' trace.* | grep fchmod | grep -vcE ', 0600\)')"

# catalogue 33-36, 38: other objects in place of keys
refuses() { # NAME STATUS PATTERN
	expect "$2" "$1" "$certpool" serve --listen "http://$host:0"
	says "$1: says why" "$3"
}
chmod 644 ca/Private/root.key
refuses 'a root key that others can read' 6 'root\.key.*0600.*0644'
chmod 600 ca/Private/root.key
chmod 777 ca/Private
refuses 'a Private that others can enter' 6 'Private.*0700'
chmod 700 ca/Private
mv ca/Private elsewhere && ln -s ../elsewhere ca/Private
refuses 'a Private that is a symbolic link' 6 'Private.*symbolic link'
rm ca/Private && mv elsewhere ca/Private
mv ca/Private/root.key key && ln -s ../../key ca/Private/root.key
refuses 'a root key that is a symbolic link' 6 'root\.key.*symbolic link'
check 'the target of the link is as it was' grep -q 'PRIVATE KEY' key
rm ca/Private/root.key && mkfifo -m 600 ca/Private/root.key
refuses 'a root key that is a FIFO' 6 'root\.key.*FIFO'
rm ca/Private/root.key && ln key ca/Private/root.key
refuses 'a root key with two names' 6 'root\.key.*link'
rm ca/Private/root.key

# catalogue 39, 50: a root key that cannot be the root's
: >ca/Private/root.key && chmod 600 ca/Private/root.key
refuses 'an empty root key' 4 'root\.key: expected the private key, found an empty file: put it back from a backup'
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca/Private/root.key 2>/dev/null
chmod 600 ca/Private/root.key
refuses 'a root key of another root' 6 'root'
rm ca/Private/root.key
expect 6 'init makes no key for a root that has lost its own' "$certpool" init
check_not 'and leaves none' test -e ca/Private/root.key
mv key ca/Private/root.key
expect 0 'all is well again' "$certpool" init
