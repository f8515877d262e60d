#!/usr/bin/env bash
# Wrong manifests and files, full or read-only disks: a clear error, and no change.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
library=$(realpath "$(dirname "$0")/../lib.sh")
. "$library"

# What lib.sh itself promises: run alone, too, a script says by its status that a check failed.
script() { CERTPOOL=$certpool bash -c ". '$library'; $1"; }
expect 0 'a script of these tests whose checks hold' script 'check x true'
expect 1 'one with a check that does not hold' script 'check x false; true'
expect 5 'one that ends by itself' script 'check x true; exit 5'

# refused_manifest NAME PATTERN: the manifest on standard input must be refused, with line and column.
refused_manifest() {
	cat >manifest.yaml
	expect 2 "manifest: $1" "$certpool" init
	says "manifest: $1: where and why" "manifest\.yaml:[0-9]+:[0-9]+: .*$2"
}
ca='ca: {layout: ca, endpoint: "http://127.0.0.1:0"}'
refused_manifest 'not YAML' '' <<<'{{{'
refused_manifest 'an unknown key' 'colour' <<<"version: 1
$ca
colour: red"
refused_manifest 'a key twice' '' <<<"version: 1
version: 1
$ca"
refused_manifest 'a wrong type' 'size' <<<"version: 1
$ca
clients: {a: {pool: {size: many}}}"
refused_manifest 'size 0' 'size' <<<"version: 1
$ca
clients: {a: {pool: {size: 0}}}"
refused_manifest 'size over the limit' 'size' <<<"version: 1
$ca
clients: {a: {pool: {size: 1000001}}}"
refused_manifest 'a bad duration' 'validity' <<<'version: 1
ca: {layout: ca, endpoint: "http://127.0.0.1:0", validity: 10 years}'
refused_manifest 'a bad URL' 'endpoint' <<<'version: 1
ca: {layout: ca, endpoint: "gopher://127.0.0.1"}'
refused_manifest 'a bad name' '' <<<"version: 1
$ca
clients: {../a: {}}"
refused_manifest 'two nodes with one layout' 'layout' <<<"version: 1
$ca
clients: {a: {layout: x}, b: {layout: ./x/}}"
refused_manifest 'two nodes with one endpoint' 'endpoint' <<<"version: 1
$ca
clients: {a: {endpoint: \"http://127.0.0.1:9\"}, b: {endpoint: \"http://127.0.0.1:9\"}}"
refused_manifest 'a batch of unknown clients' '' <<<"version: 1
$ca
clients: {a: {}}
batch: [{enroll: [b]}]"
rm manifest.yaml && mkdir manifest.yaml
expect 6 'manifest: a directory' "$certpool" init
rmdir manifest.yaml && truncate -s 2M manifest.yaml
expect 1 'manifest: two mebibytes' "$certpool" init
equal 'nothing was made of all these' manifest.yaml "$(find . -maxdepth 1 -mindepth 1 ! -name out ! -name err ! -name check.log -printf '%f\n')"

manifest 3 1 >manifest.yaml
expect 4 'request before init' "$certpool" request client1
says 'says to run init' 'certpool init'
expect 4 'serve before init' "$certpool" serve
"$certpool" init -q >out
"$certpool" request client1 -q >out
start_ca
"$certpool" enroll client1 -q >out

# catalogue 39: damaged keys and certificates
send() { "$certpool" send client1 client2 --endpoint http://127.0.0.1:1 --member 1 x; }
cp -p client1/Private/private_key1.key key
head -c 60 key >client1/Private/private_key1.key
expect 1 'a truncated key' send
says 'is named' 'private_key1\.key'
: >client1/Private/private_key1.key
expect 1 'an empty key' send
truncate -s 1G client1/Private/private_key1.key
expect 1 'a key of a gibibyte' send
cat client1/Private/private_key2.key >client1/Private/private_key1.key
expect 6 'a key of another certificate' send
says 'is named' 'key1'
cp -p key client1/Private/private_key1.key
chmod 640 client1/Private/private_key1.key
expect 6 'a key that the group can read' send
says 'is named with its mode' 'private_key1\.key.*0600.*0640'
chmod 600 client1/Private/private_key1.key
mv client1/cert/cert_key1.crt certificate
head -c 200 certificate >client1/cert/cert_key1.crt
expect 1 'a truncated certificate' send
rm client1/cert/cert_key1.crt && ln -s ../../certificate client1/cert/cert_key1.crt
expect 6 'a certificate that is a symbolic link' send
rm client1/cert/cert_key1.crt && mv certificate client1/cert/cert_key1.crt
expect 7 'all is well again, but for the receiver' send

# A root certificate that is missing, or is no root.
mv client1/cert/root.crt root.crt
expect 4 'no pinned root' "$certpool" verify client1 client1/cert/cert_key1.crt
cp client1/cert/cert_key2.crt client1/cert/root.crt
expect 3 'a pinned root that is a member'\''s certificate' "$certpool" verify client1 client1/cert/cert_key1.crt
mv root.crt client1/cert/root.crt
stop "$ca"

# catalogue 79: the record
cp -p ca/state/ca.db record
damaged() { # NAME
	expect 1 "a record $1" "$certpool" serve --listen "http://$host:0"
	says "a record $1: is named" 'ca\.db'
	rm -f ca/state/ca.db-*
	cp -p record ca/state/ca.db
}
: >ca/state/ca.db
damaged 'that is empty'
truncate -s 5000 ca/state/ca.db
damaged 'cut short'
dd if=/dev/urandom of=ca/state/ca.db bs=100 count=80 conv=notrunc status=none
damaged 'of random octets'
rm ca/state/ca.db
expect 4 'no record' "$certpool" serve --listen "http://$host:0"
expect 6 'init makes none for a root that had one' "$certpool" init
cp -p record ca/state/ca.db
expect 0 'all is well again' "$certpool" init

# catalogue 71: the disk is full
mkdir small
if mount -t tmpfs -o size=256k tmpfs small 2>check.log; then
	cat >small.yaml <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0"}
		clients:
		  client9: {layout: small/client9, pool: {size: 500}}
	END
	"$certpool" init -m small.yaml -q >out
	expect 1 'request on a disk that is full' "$certpool" request client9 -m small.yaml
	says 'says so' 'No space left'
	equal 'no key is half written under its own name' 0 "$(find small -name 'private_key*.key' -not -exec openssl pkey -noout -in {} \; -print | wc -l)"
	equal 'nor is a request' 0 "$(find small -name '*.csr' -not -exec openssl req -noout -in {} \; -print | wc -l)"
	mount -o remount,size=16m small
	expect 0 'with space it goes on' "$certpool" request client9 -m small.yaml
	equal 'and completes the pool' '500 500' \
		"$(count_files small/client9/Private 'private_key*') $(count_files small/client9/CSR_file '*.csr')"
	check 'temporary files are swept' test -z "$(find small -name '.*.new')"
	start_ca -m small.yaml
	dd if=/dev/zero of=small/filler bs=4k status=none 2>check.log
	expect 1 'enroll on a disk that is full' "$certpool" enroll client9 -m small.yaml
	says 'says so' 'No space left'
	rm small/filler
	expect 0 'with space it goes on' "$certpool" enroll client9 -m small.yaml
	equal 'and completes the pool' 500 "$(count_files small/client9/cert 'cert_key*.crt')"
	equal 'each key certified once' 503 "$(keys)"
	# catalogue 73: read-only
	mount -o remount,ro small
	sed -i 's/size: 500/size: 501/' small.yaml
	expect 1 'request on a read-only disk' "$certpool" request client9 -m small.yaml
	says 'says so' 'Read-only'
	expect 0 'status on a read-only disk' "$certpool" status -m small.yaml
	umount small
	stop "$ca"
else
	skip 'request on a disk that is full' 'tmpfs cannot be mounted here'
fi

# catalogue 74: no descriptors left
expect 1 'no descriptors left' sh -c "ulimit -n 8; '$certpool' init"
says 'says so' 'Too many open files'
expect 0 'with some all is well' "$certpool" init

# catalogue 75: verify without memory for one allocation, of many: a failure, and never a verdict
cat >allocator.c <<'END'
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
static long count, fails_at = -1;
static int fails(void)
{
	if (++count != fails_at)
		return 0;
	errno = ENOMEM;
	return 1;
}
__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAILS_AT");
	count = 0;
	fails_at = text != NULL ? atol(text) : -1;
}
__attribute__((destructor)) static void end(void)
{
	if (getenv("FAILS_AT") == NULL)
		fprintf(stderr, "allocations: %ld\n", count);
}
void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t number, size_t size) { return fails() ? NULL : __libc_calloc(number, size); }
void *realloc(void *data, size_t size) { return fails() ? NULL : __libc_realloc(data, size); }
END
if ! sanitized && cc -shared -fPIC -o allocator.so allocator.c 2>check.log; then
	verify() { env "$@" LD_PRELOAD="$PWD/allocator.so" "$certpool" verify client1 client1/cert/cert_key2.crt; }
	expect 0 'verify with memory' verify
	# The libraries' own beginnings come first, and do without.
	most=$(sed -n 's/^allocations: //p' err)
	other=0 failed=0
	for ((n = most; n > most - 300 && n > 0; n -= 3)); do
		status=0
		verify FAILS_AT=$n >out 2>err || status=$?
		case $status in
		0) ;;
		1) failed=$((failed + 1)) ;;
		*) other=$((other + 1)) ;;
		esac
	done
	equal 'without memory it fails, and calls nothing invalid' 0 $other
	check 'and it did fail' test $failed -gt 20
else
	skip 'verify without memory' 'no compiler, or a sanitizer'
fi
