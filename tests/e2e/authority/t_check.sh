#!/usr/bin/env bash
# check: it finds and names each kind of damage to a CA.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 6 2 >manifest.yaml
"$certpool" init -q >out
expect 0 'a CA that has done nothing yet' "$certpool" check
prints 'is whole' '^whole: 0 certificates'
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
"$certpool" crl --der -o early.crl
"$certpool" revoke client1/2 -q >out
expect 0 'a CA that serves' "$certpool" check
prints 'is whole' '^whole: 8 certificates, [0-9]+ lines of the audit log, 1 entry of the CRL$'
expect 0 'as JSON' "$certpool" check --json
check 'says so' jq -e '.findings==0 and .certificates==8 and .crl_entries==1 and .audit_lines>3 and .key_checked' out
(for member in 3 4 5; do "$certpool" revoke client1/$member -q; done) >revoke.out 2>&1 &
for n in 1 2 3; do expect 0 "while certificates are revoked, $n" "$certpool" check; done
wait $!
expect 2 'takes one client at most' "$certpool" check client1 client2
stop "$ca"
sqlite3 ca/state/ca.db 'pragma wal_checkpoint(truncate)' >out
cp -a ca whole
# Another CA, of the same name.
mkdir twin && (cd twin && cp ../manifest.yaml . && "$certpool" init ca -q >out && "$certpool" crl --der -o list.crl)

sql() { sqlite3 ca/state/ca.db "$1"; }
row="client = 'client1' and member = 'key1'"
serial_of() { sqlite3 whole/state/ca.db "select lower(hex(serial)) from certificate where client = '$1' and member = '$2'"; }
serial=$(serial_of client1 key1)
second=$(serial_of client1 key2)

# found NAME PATTERN COMMAND…: the command damages the CA, and a line of check says how.
found() {
	rm -rf ca && cp -a whole ca
	"${@:3}" || fail "$1" "cannot be tried: ${*:3}"
	expect 1 "$1" "$certpool" check
	if grep -qE -- "$2" out err; then pass "$1: named"; else fail "$1: named" "expected: $2" "$(cat out err)"; fi
}
advised() { if grep -qE -- "$1" out err; then pass "what to do: $1"; else fail 'what to do' "expected: $1" "$(cat out err)"; fi; }

# Changed rows.
found 'another certificate in a row' "certificate $serial of client1/key1: expected the serial of its row, found another" \
	sql "update certificate set der = (select der from certificate where member = 'key3') where $row"
advised 'restore the record from a backup'
expect 1 'as JSON' "$certpool" check --json
check 'a line for it, one for what was signed, one for all' jq -se '(.[0]|.where|test("client1/key1")) and .[0].advice!="" and .[0].finding!="" and .[-1].findings==2' out
found 'another serial' "certificate 00.* of client1/key1: expected the serial of its row" \
	sql "update certificate set serial = zeroblob(20) where $row"
check 'and the log misses it' grep -q "certificate $serial: expected in the record, as the audit log has it" out
found 'another key' 'client1/key1: expected the public key of its row' sql "update certificate set key_sha256 = zeroblob(32) where $row"
found 'another subject' 'expected the subject of its row, CN=somebody, found CN=client1-1' sql "update certificate set subject = 'CN=somebody' where $row"
found 'another end' 'client1/key1: expected the validity of its row' sql "update certificate set not_after = not_after + 86400 where $row"
found 'another beginning' 'client1/key1: expected the validity of its row' sql "update certificate set not_before = 0 where $row"
found 'half a certificate' 'client1/key1: expected a certificate, found' sql "update certificate set der = substr(der, 1, 200) where $row"
found 'nothing in its place' 'client1/key1: expected a certificate, found' sql "update certificate set der = x'' where $row"
found 'a signature that does not hold' 'client1/key1: .*(signature|X.690)' sql "update certificate set der = cast(substr(der, 1, length(der) - 1) || iif(substr(der, -1) = x'7f', x'7e', x'7f') as blob) where $row"
found 'a name that is none' 'row 1 of certificate: expected serial, key, names' sql "update certificate set member = '../key1' where $row"
found 'a row that is gone' "certificate $serial: expected in the record, as the audit log has it, found none" sql "delete from certificate where $row"
# catalogue 60: an undone revocation is found
found 'a revocation undone' "certificate $second: expected it revoked, as the audit log has it" \
	sql "update certificate set revoked_at = null, reason = null where member = 'key2'"
check 'the CRL has it still' grep -q 'ca.crl: expected the 3 entries that the record has, found 4' out
found 'a revocation without a CRL' "expected certificate $serial on it, which is revoked, found it missing" \
	sql "update certificate set revoked_at = 1790000000, reason = 1 where $row"
found 'another reason' 'expected time and reason of the record \(keyCompromise\), found others \(unspecified\)' sql "update certificate set reason = 1 where revoked_at is not null"
found 'a serial twice' "certificate $serial: expected its serial once" \
	sql "alter table certificate rename to old; create table certificate as select * from old; insert into certificate select * from old where $row; drop table old"
check 'its key too' grep -q 'expected its public key once' out
found 'a key that was pruned' "certificate $serial: its public key is also among those that were pruned" \
	sql "insert into spent_key select key_sha256 from certificate where $row"
found 'a client that nobody knows' 'client client2: has certificates, and is not among the clients' sql "delete from client where name = 'client2'"
found 'a revoked client with certificates' 'client client1: is revoked, and has certificates that are not' \
	sql "update client set revoked_at = 1, reason = 0 where name = 'client1'"
found 'a page that was overwritten' 'ca.db: .*(damaged|malformed|integrity|cannot be)' dd if=/dev/urandom of=ca/state/ca.db bs=4096 seek=3 count=2 conv=notrunc status=none
found 'a record that was cut off' 'ca.db: ' truncate -s 40960 ca/state/ca.db
# An index that differs from its table.
reindex() {
	sql "create table t (a); create index i on t (a); insert into t values (1);
		pragma writable_schema = on; update sqlite_schema set sql = 'CREATE INDEX i ON t (a) WHERE a = 2' where name = 'i'"
}
found 'an index that is wrong' 'expected whole pages and indexes, found: ' reindex

# A certificate by the CA outside the profile; and one of another CA with the same name.
forge() { # KEY CERTIFICATE
	cat >ext <<-END
		basicConstraints = critical, CA:TRUE
		keyUsage = critical, digitalSignature, keyCertSign
		authorityKeyIdentifier = keyid
	END
	openssl x509 -req -in client1/CSR_file/csr_key1.csr -CA "$2" -CAkey "$1" -set_serial "0x$serial" -extfile ext \
		-out forged.crt 2>check.log && openssl x509 -in forged.crt -outform DER -out forged.der
	sql "update certificate set der = readfile('forged.der'), not_before = $(date -d "$(openssl x509 -noout -startdate -in forged.crt | cut -d= -f2)" +%s),
		not_after = $(date -d "$(openssl x509 -noout -enddate -in forged.crt | cut -d= -f2)" +%s) where $row"
}
found 'a CA among the members' 'client1/key1: certpool expects no CA:TRUE' forge ca/Private/root.key ca/cert/root.crt
forge_foreign() {
	openssl x509 -req -in client1/CSR_file/csr_key1.csr -CA twin/ca/cert/root.crt -CAkey twin/ca/Private/root.key -set_serial "0x$serial" \
		-extfile <(printf 'keyUsage = critical, digitalSignature\nauthorityKeyIdentifier = keyid\n') -out forged.crt 2>check.log &&
		openssl x509 -in forged.crt -outform DER -out forged.der
	sql "update certificate set der = readfile('forged.der'), not_before = $(date -d "$(openssl x509 -noout -startdate -in forged.crt | cut -d= -f2)" +%s),
		not_after = $(date -d "$(openssl x509 -noout -enddate -in forged.crt | cut -d= -f2)" +%s) where $row"
}
found 'a certificate by another CA' 'client1/key1: by the CA: the signature is not by the key' forge_foreign

# The audit log.
found 'a line changed' 'the audit log: line [34]: .*changed' sql "update audit set line = replace(line, '\"time\":\"20', '\"time\":\"19') where id = 3"
advised 'a copy of the log tells what it was'
found 'a line dropped' 'the audit log: line 4: expected' sql 'delete from audit where id = 4'
found 'all lines gone' 'the audit log: line 1: expected' sql 'delete from audit'

# The CRL.
found 'no CRL' 'ca.crl: .*the file is gone' rm ca/cert/ca.crl
advised 'certpool crl --renew'
expect 0 'what was advised' "$certpool" crl --renew -q -o crl.pem
expect 0 'helps' "$certpool" check
found 'an old CRL' 'ca.crl: expected number [0-9]+, as the record has it, found [0-9]+' cp early.crl ca/cert/ca.crl
check 'and what is missing on it' grep -q "expected certificate $second on it" out
found 'the CRL of another CA' 'ca.crl: CRL: RFC 5280 section 5.2.1: .*expected the identifier of the key' cp twin/list.crl ca/cert/ca.crl
found 'half a CRL' "ca.crl: expected the CA's CRL, found" truncate -s 100 ca/cert/ca.crl
found 'a CRL that is over' 'ca.crl: .*not current' sql 'update issuer set crl_this_update = crl_this_update - 90000, crl_next_update = crl_next_update - 90000'
equal 'with one advice' 1 "$(grep 'not current' out | grep -o 'run certpool crl' | wc -l)"

# Permissions. catalogue 35
found 'a key for others to read' 'ca/Private/root.key: expected mode 0600, found 0644: run chmod 600 ca/Private/root.key' chmod 644 ca/Private/root.key
found 'a shared key too' 'ca/Private/shared_client1.jwk: expected mode 0600' chmod 640 ca/Private/shared_client1.jwk
found 'a key with two names' 'ca/Private/root.key: expected one link, found 2' ln ca/Private/root.key ca/cert/root.key
found 'a link among the keys' 'ca/Private/x: expected a regular file' ln -s /etc/passwd ca/Private/x
found 'a directory for others to enter' 'ca/Private: expected mode 0700, found 0755.*chmod 700' chmod 755 ca/Private
found 'the state too' 'ca/state: expected mode 0700, found 0750.*chmod 700' chmod 750 ca/state
found 'a record for others to read' 'ca/state/ca.db: expected mode 0600, found 0644' chmod 644 ca/state/ca.db
found 'a root for others to change' 'ca/cert/root.crt: expected mode 0644, found 0666: run chmod 644 ca/cert/root.crt' chmod 666 ca/cert/root.crt
found 'a layout for others to change' '^ca: expected mode 0755, found 0777' chmod 777 ca
if [ "$(id -u)" -eq 0 ]; then
	found 'a file of somebody else' "ca/cert/ca.crl: expected it to be user 0's, found user 65534's" chown 65534 ca/cert/ca.crl
fi

# Root and keys. catalogue 50
found 'the key of another root' "the CA's key: .*(do not belong together|not the certificate's|key)" cp twin/ca/Private/root.key ca/Private/root.key
found 'another root' 'client1/key1: by the CA: the signature is not by the key' cp twin/ca/cert/root.crt ca/cert/root.crt
check 'it does not fit the key' grep -q "^the CA's key: " out
found 'no root' 'root.crt: expected the CA.s certificate, found none: put it back: every client has it as cert/root.crt' rm ca/cert/root.crt
found 'no key' "the CA's key: .*root.key" rm ca/Private/root.key
found 'a shared key that is none' 'shared_client1.jwk' sh -c 'echo "{}" >ca/Private/shared_client1.jwk'
sed 's|layout: ca,|layout: ca, certificates: {validity: 20y},|' manifest.yaml >long.yaml
rm -rf ca && cp -a whole ca
expect 0 'a root that ends before a certificate could' "$certpool" check -m long.yaml
says 'cuts it short, which is a warning' '^certpool check: ca: warning: new certificates of members are cut short by that: they last 3[0-9]+ days instead of 7300 days'
sed 's|layout: ca,|layout: short, validity: 1h, certificates: {validity: 1h},|' manifest.yaml >short.yaml
"$certpool" init ca -q -m short.yaml >out
expect 1 'a root that is over' under_clock +2h "$certpool" check -m short.yaml
prints 'is named' 'expected it to be valid now, found that it is not'

# A key under a passphrase.
echo 'a passphrase' >pass && chmod 600 pass
openssl pkcs8 -topk8 -v2 aes-256-cbc -in whole/Private/root.key -passout file:pass -out ca/Private/root.key
expect 0 'a key that cannot be opened' "$certpool" check
says 'is not looked at, and that is said' 'was not checked'
expect 0 'with its passphrase' "$certpool" check --passphrase-file pass --json
check 'it is' jq -e .key_checked out

# Several defects at once; check changes nothing.
rm -rf ca && cp -a whole ca
chmod 644 ca/Private/root.key && sql "update certificate set subject = 'CN=x'" && rm ca/cert/ca.crl
expect 1 'several at once' "$certpool" check --json
# Eight rows, the CRL, the key's mode, and the key, which is not read because of its mode.
equal 'are all told' 11 "$(jq -s '.[-1].findings' out)"
says 'and counted' 'not whole: findings: 11'
find ca -type f -exec sha256sum {} + | sort >before
"$certpool" check >out 2>&1
equal 'looking changes nothing' '' "$(find ca -type f ! -name '*-shm' ! -name '*-wal' -exec sha256sum {} + | sort | diff before -)"
rm -rf ca
expect 4 'no CA' "$certpool" check
