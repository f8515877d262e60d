#!/usr/bin/env bash
# The CA's key: a process of its own has it, and what it signs is logged.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 6 2 >manifest.yaml
"$certpool" init -q >out
log=ca/state/signed.log
# lines KIND…: how many the log has of these kinds.
lines() { local kinds=$*; grep -cE " (${kinds// /|}) " $log; }
serial_of() { ask_record ca "select lower(hex(serial)) from certificate where client = '$1' and member = '$2'"; }

equal 'init logs the root' 1 "$(lines authority)"
equal 'for its owner alone' 600 "$(mode $log)"
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
equal 'the server logs each certificate' 8 "$(lines certificate)"
check 'with its serial and its end' grep -qE "^20[0-9T:-]*Z certificate $(serial_of client1 key3) 20[0-9T:-]*Z [0-9a-f]{64}$" $log
check 'with the digest of what was signed' grep -q " $(openssl asn1parse -in client1/cert/cert_key3.crt -strparse 4 -out tbs -noout &&
	sha256sum tbs | cut -d' ' -f1)$" $log
"$certpool" verify client2 client1/cert/cert_key1.crt --ocsp "$CERTPOOL_CA/ocsp" -q >out
equal 'and the responder it makes' 1 "$(lines responder)"
crls=$(lines crl)
"$certpool" revoke client1/2 -q >out
equal 'revoke logs its CRL' $((crls + 1)) "$(lines crl)"
expect 0 'check finds log and record in order' "$certpool" check --json
check 'and nothing unrecorded' jq -e '.findings==0 and .unrecorded==0' out
stop "$ca"
sed -i 's/size: 6/size: 7/' manifest.yaml
"$certpool" request client1 -q >out && "$certpool" enroll client1 --export seventh.jwe -q >out && "$certpool" sign seventh.jwe -q >out
equal 'sign logs its certificate' 9 "$(lines certificate)"
crls=$(lines crl)
"$certpool" crl --renew -q -o renewed.crl
equal 'and crl its CRL' $((crls + 1)) "$(lines crl)"

# The backup has it; a log that survived stays.
echo 'a passphrase' >passphrase && chmod 600 passphrase
"$certpool" backup all.tar --passphrase-file passphrase -q >out
check 'the backup has the log' cmp -s <(tar xOf all.tar state/signed.log) $log
cp -a ca whole
rm -rf ca
expect 0 'restore' "$certpool" restore all.tar --passphrase-file passphrase -q
check 'puts it back' cmp -n "$(stat -c %s whole/state/signed.log)" $log whole/state/signed.log
rm -rf ca/cert ca/Private ca/state/ca.db*
{ sed -n '$p' $log | sed 's/ crl 0/ crl 1/' && cat $log; } >longer
cp longer $log
expect 0 'restore' "$certpool" restore all.tar --passphrase-file passphrase -q
check 'leaves a log that survived' grep -q ' crl 1' $log

# damaged NAME PATTERN COMMAND…: check names what the command does to log or record.
damaged() {
	rm -rf ca && cp -a whole ca
	"${@:3}" || fail "$1" "cannot be tried: ${*:3}"
	expect 1 "$1" "$certpool" check
	if grep -qE -- "$2" out; then pass "$1: named"; else fail "$1: named" "expected: $2" "$(cat out err)"; fi
}
damaged 'no log' 'state/signed.log: expected the log of signatures, found none: .*crl --renew' rm $log
expect 0 'as advised' "$certpool" crl --renew -q -o new.crl
expect 0 'mended' "$certpool" check
damaged 'a line of another form' 'state/signed.log: cannot be read: .*line 3: expected' sed -i '3s/certificate/poem/' $log
damaged 'a line taken away' "certificate $(serial_of client1 key3): expected a line" sed -i "/$(serial_of client1 key3)/d" $log
damaged 'another digest' "certificate $(serial_of client1 key3): expected what was signed" \
	sed -i "/$(serial_of client1 key3)/s/[0-9a-f]\{64\}$/$(printf '%064d' 0)/" $log
rm -rf ca && cp -a whole ca
printf '2026-11-27T10:59:22Z certif' >>$log
expect 0 'the part of a line that a crash left' "$certpool" check
"$certpool" crl --renew -q -o new.crl
equal 'goes with the next signature' 0 "$(grep -c 'certif$' $log)"

# A record of yesterday.
ask_record ca "delete from certificate where client = 'client2'"
expect 1 'a record that lost certificates' "$certpool" check
says 'is told how many, and where they are' '2 certificates were signed and are not in the record.*ca/state/signed.log'

# Two processes. catalogue 123
start_ca
front=$ca
signer=$(pgrep -P "$front")
equal 'the server has a child, the signer' 1 "$(wc -w <<<"$signer")"
gone() { ! kill -0 "$1" 2>/dev/null; }

if [ "$(id -u)" -eq 0 ] && ! sanitized; then
	# occurrences PROCESS: how often its memory has the issuing key's number, in either order of octets.
	number=$(openssl pkey -in ca/Private/root.key -noout -text | sed -n '/^priv:/,/^pub:/p' | grep '^ ' | tr -d ' :\n' | tail -c 64)
	occurrences() { in_memory "$1" "$number" "$(fold -w 2 <<<"$number" | tac | tr -d '\n')"; }
	equal "the front's memory has nothing of the key" '0 0' "$(occurrences "$front")"
	check "the signer's has, as the search works" grep -q '[1-9]' <(occurrences "$signer")
	equal 'the front has nothing of Private/ open' 0 "$(find "/proc/$front/fd" -lname '*/Private*' | wc -l)"
	check 'the signer has' test "$(find "/proc/$signer/fd" -lname '*/Private*' | wc -l)" -gt 0
else
	skip "the front's memory has nothing of the key" 'this needs root, and no sanitizer'
fi

# Both gave up all files but some and all system calls but some. A kernel without these says so.
if grep -qE 'this kernel has no (Landlock|seccomp)' serve.err || sanitized; then
	skip 'both are in a sandbox' 'this kernel has none, or this build'
else
	field() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }
	for process in "$front" "$signer"; do
		equal "seccomp filters the calls of $process" 2 "$(field "$process" Seccomp)"
		equal 'and it gains no rights by a program' 1 "$(field "$process" NoNewPrivs)"
	done
fi
# Another manifest in the place of the first one is read, in the sandbox.
manifest 6 2 '  client9: {pool: {size: 1}}' >later.yaml && mv later.yaml manifest.yaml
kill -HUP "$front"
check 'the manifest that replaced the first one is read' eventually grep -q 'clients: 1 added' serve.err

kill -9 "$signer"
check 'without its signer the front ends at once' eventually gone "$front"
wait "$front" 2>/dev/null
check 'and says why' grep -q 'the signer has ended, and without it this CA can do nothing' serve.err
port=${CERTPOOL_CA##*:}
start serve serve --listen "http://$host:$port"
front=$server
equal 'lock and port are free' "http://$host:$port" "$endpoint"
signer=$(pgrep -P "$front")
kill -9 "$front"
check 'without its front the signer ends at once' eventually gone "$signer"
wait "$front" 2>/dev/null
start serve serve --listen "http://$host:$port"
front=$server
equal 'lock and port are free again' "http://$host:$port" "$endpoint"
signer=$(pgrep -P "$front")
kill "$signer"
expect 0 'a signal that is for all of its group does not end the signer' "$certpool" verify client1 client1/cert/cert_key1.crt --online
stop "$front"
equal 'the end is an end in order' 0 "$stopped"
check 'of both' gone "$signer"
equal 'and the record is one file' 'ca.db' "$(cd ca/state && echo ca.db*)"

# catalogue 123: a kernel without Landlock, and a sandbox around this one that forbids it. (strace -D: the
# server stays the child of this script.)
cd "$folder" || exit 1
without_landlock() { launcher=(strace -D -f -o trace -e trace=landlock_create_ruleset -e "inject=landlock_create_ruleset:error=$1"); }
if sanitized; then
	skip 'where the kernel lacks Landlock' 'a sanitized certpool has no sandbox'
else
	without_landlock ENOSYS
	start_ca
	check 'a kernel without Landlock is said at start, of the signer' grep -q 'this kernel has no Landlock: the signer could open other files' serve.err
	check 'and of the front' grep -q 'this kernel has no Landlock: the front could open other files' serve.err
	equal 'and the CA serves' 200 "$(curl -s -o answer -w '%{http_code}' "$CERTPOOL_CA/health")"
	stop "$ca"
	without_landlock EPERM
	check_not 'where it is forbidden the CA does not start' try_start serve serve --listen "http://$host:0"
	check 'and says so' grep -q 'the sandbox of the signer: cannot give up files (landlock_create_ruleset): Operation not permitted' serve.err
	launcher=()
fi

# What libraries load at run time is loaded before the sandbox closes: here a module of NSS, whose file the front cannot
# open, which alone knows the name at which the front listens.
cat >module.c <<'END'
#include <arpa/inet.h>
#include <netdb.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>

enum nss_status _nss_certpool_gethostbyname4_r(const char *name, struct gaih_addrtuple **found, char *room,
					       size_t size, int *error, int *host_error, int32_t *ttl)
{
	(void)error;
	(void)ttl;
	if (strcmp(name, "ca.module") != 0 || size < sizeof(**found)) {
		*host_error = HOST_NOT_FOUND;
		return NSS_STATUS_NOTFOUND;
	}
	if (*found == NULL)
		*found = (struct gaih_addrtuple *)room;
	**found = (struct gaih_addrtuple){
		.name = (char *)name, .family = AF_INET, .addr = {inet_addr(getenv("ADDRESS_OF_MODULE"))}};
	return NSS_STATUS_SUCCESS;
}
END
echo 'hosts: certpool files' >nsswitch.conf
if ! unshare --mount mount --bind nsswitch.conf /etc/nsswitch.conf 2>check.log; then
	skip 'a name that a module of NSS knows' 'this needs root, and a mount namespace'
else
	check 'a module of NSS' gcc -shared -fPIC -o libnss_certpool.so.2 module.c
	launcher=(env "LD_LIBRARY_PATH=$PWD" "ADDRESS_OF_MODULE=$host" unshare --mount
		sh -c 'mount --bind nsswitch.conf /etc/nsswitch.conf && exec "$@"' sh)
	start serve serve --listen 'http://ca.module:0'
	launcher=()
	equal 'a name that a module of NSS knows' 200 "$(curl -s -o answer -w '%{http_code}' "http://$host:${endpoint##*:}/health")"
	stop "$server"
fi
