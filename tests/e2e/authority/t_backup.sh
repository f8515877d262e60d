#!/usr/bin/env bash
# Backups of the CA, made while it serves, and restoring them.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 20 400 | sed "s/size: 400/size: 400, batch_size: 20/" >manifest.yaml
"$certpool" init -q >out
echo 'correct horse battery staple' >pass && chmod 600 pass
echo 'another one' >wrong && chmod 600 wrong
start_ca
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
"$certpool" request client2 -q >out
"$certpool" revoke client1/3 -q >out

serials() { sqlite3 "$1" 'select hex(serial) from certificate order by serial'; }
# place NAME: makes a folder with the manifest, and nothing else.
place() { rm -rf "$1" && mkdir "$1" && cp manifest.yaml "$1"; }
# restore NAME FILE [OPTION…]: restores into a new folder.
restore() {
	place "$1"
	(cd "$1" && "$certpool" restore "../$2" "${@:3}")
}
in_place() { (cd "$1" && shift && "$certpool" "$@"); }
# Checks that the folder has no certificate, key or record, and no temporary file with one.
nothing_in() { [ -z "$(find "$1" -name '*.db*' -o -name '*.key' -o -name '*.jwk' -o -name '*.crt' -o -name '*.new*')" ]; }

# A refused restore writes nothing.
expect 2 'neither keys nor none' "$certpool" backup b.tar
says 'says which options there are' '--passphrase-file FILE.*--without-keys, found neither'
expect 2 'both' "$certpool" backup b.tar --passphrase-file pass --without-keys
expect 2 'JSON among the octets' "$certpool" backup - --without-keys --json
chmod 644 pass
expect 6 'a passphrase that others can read' "$certpool" backup b.tar --passphrase-file pass
chmod 600 pass
expect 4 'a passphrase that is not there' "$certpool" backup b.tar --passphrase-file nowhere
expect 4 'a folder that is not there' "$certpool" backup nowhere/b.tar --without-keys
equal 'no backup was made' 0 "$(count_files . '*b.tar*')"

# Backups while a client enrolls: each has the certificates that the client had before.
"$certpool" enroll client2 -q >enroll.out 2>enroll.err &
enrolling=$!
for n in 1 2 3; do
	serials ca/state/ca.db >before.$n
	expect 0 "backup $n under load" "$certpool" backup under$n.tar --passphrase-file pass
done
check 'the client does not notice' wait $enrolling
for n in 1 2 3; do
	expect 0 "restore $n" restore r$n under$n.tar --passphrase-file ../pass
	equal "$n has what was given out before" '' "$(comm -23 before.$n <(serials r$n/ca/state/ca.db))"
	expect 0 "check calls $n whole" in_place r$n check
done
rm -rf r1 r2 r3 under?.tar

# The members of a backup.
expect 0 'backup' "$certpool" backup b.tar --passphrase-file pass --json
check 'says what it has' jq -e '.file=="b.tar" and .certificates==420 and .keys==3 and .octets>100000' out
equal 'for its owner alone' 600 "$(mode b.tar)"
equal 'its size is as told' "$(jq .octets out)" "$(stat -c %s b.tar)"
check 'the log has it' grep -q '"event":"backup","by":"ca","detail":"b.tar"' <("$certpool" audit list --json)
cp b.tar kept.tar
expect 6 'the same file again' "$certpool" backup b.tar --without-keys
says 'is not overwritten' 'b.tar: exists already'
check 'and stays as it is' cmp b.tar kept.tar
check_not 'no key is in it as it is on the disk' grep -qaFe "$(sed -n 2p ca/Private/root.key)" b.tar
check_not 'nor a shared one' grep -qaFe "$(jq -r .k ca/Private/shared_client1.jwk)" b.tar
# Restoring by other tools.
mkdir hand
check 'tar extracts it' tar xf b.tar -C hand
check 'sha256sum checks it' sh -c 'cd hand && sha256sum -c --strict SHA256SUMS'
check 'openssl opens the keys' sh -c 'openssl enc -d -aes-256-cbc -pbkdf2 -iter 600000 -md sha256 -in hand/keys.enc -pass file:pass | tar x -C hand'
check 'they are the CA'\''s' diff -r hand/Private ca/Private
check 'sqlite3 reads the record' test "$(sqlite3 hand/state/ca.db 'pragma integrity_check; select count(*) from certificate' | xargs)" = 'ok 420'
# Restoring as the backup's own note says.
mkdir byhand byhand/ca && cp -a hand/cert hand/Private hand/state byhand/ca && cp hand/manifest.yaml byhand
mkdir byhand/ca/CSR_file byhand/ca/received && chmod 700 byhand/ca/Private byhand/ca/state
sqlite3 byhand/ca/state/ca.db 'update state set crl_number = max(crl_number, unixepoch()); update issuer set crl_revision = -1'
expect 0 'a CA that was put together by hand' in_place byhand crl --json
check 'has a higher number' jq -e '.made and .number>1700000000' out
expect 0 'and is whole' in_place byhand check

# A backup to standard output, without keys, while the CA serves.
expect 0 'a backup in a pipe' sh -c "'$certpool' backup - --without-keys >pipe.tar"
equal 'has no keys' 0 "$(tar tf pipe.tar | grep -cE 'key|jwk|hmac')"
place piped
expect 0 'is restored from one' sh -c "cd piped && '$certpool' restore - <../pipe.tar"
says 'says what is missing' 'the backup has no keys'
check_not 'has no keys' sh -c 'ls piped/ca/Private/* 2>/dev/null'
expect 6 'a passphrase proves nothing there' restore piped pipe.tar --passphrase-file ../pass
sed 's|ca: {|ca: {key: "pkcs11:token=t;object=o", |' manifest.yaml >token.yaml
expect 0 'of a CA whose key is in a token' "$certpool" backup token.tar --passphrase-file pass -m token.yaml
says 'says that it is not in it' "the CA's key is in a token, and is not in the backup"
# catalogue 82
if [ -c /dev/full ]; then
	expect 1 'onto a full device' sh -c "'$certpool' backup - --without-keys >/dev/full"
fi
expect 1 'onto nothing' sh -c "'$certpool' backup - --without-keys >&-"

# A restored CA in another folder, and the number of its CRL.
for n in 1 2 3; do "$certpool" crl --renew -q --json >crl.json; done
expect 0 'restore' restore here b.tar --passphrase-file ../pass --json
check 'says what it has' jq -e '.certificates==420 and .revoked==1 and .keys==3 and .crl_number>1700000000' out
says 'says what it cannot have' 'no CRL was there that is newer than the backup: what was revoked since is valid again'
equal 'the keys are the same' '' "$(diff -r ca/Private here/ca/Private)"
equal 'for their owner alone' '600 600 600 700' "$(stat -c %a here/ca/Private/* here/ca/Private | xargs)"
equal 'the record too' '600 700' "$(stat -c %a here/ca/state/ca.db here/ca/state | xargs)"
expect 0 'check calls it whole' in_place here check --json
check 'with all of it' jq -e '.findings==0 and .certificates==420 and .crl_entries==1 and .key_checked' out
# catalogue 97: the number of a published CRL is never used again
check 'its CRL has a higher number than any before' test "$(in_place here crl --json | jq .number)" -gt "$(jq .number crl.json)"
check 'the log says so' grep -q '"event":"restored","by":"ca","detail":"../b.tar","number":1[0-9]*' <(in_place here audit list --json)
expect 0 'and is whole' in_place here audit verify

# An existing CA is not touched: its files are the same, and its record has the same content. SQLite's
# files beside the record may differ: a reader writes to -shm too.
state_of() { # FOLDER…
	find "$@" -type f ! -name 'ca.db-*' -exec sha256sum {} + | sort
	for record in "${@/%//state/ca.db}"; do sqlite3 "$record" .dump || echo "$record: unreadable"; done
}
state_of ca here/ca >before
expect 6 'over a CA that serves' "$certpool" restore b.tar --passphrase-file pass
says 'says what is there' 'there is a CA'
expect 6 'over one that does not' in_place here restore ../b.tar --passphrase-file ../pass
equal 'nothing is changed' '' "$(state_of ca here/ca | diff before -)"
place other && in_place other init ca -q >out && rm other/ca/state/ca.db*
expect 6 'over the root of another CA' in_place other restore ../b.tar --passphrase-file ../pass
says 'says which' 'root.crt: there is another certificate than in the backup'
check_not 'it gets no record' test -e other/ca/state/ca.db
mv here/ca/state/ca.db lost.db && cp lost.db here/ca/state/ca.db-wal
expect 6 'beside the log of another record' in_place here restore ../b.tar --passphrase-file ../pass
says 'says what it is' 'there is the log of a record'
check_not 'it gets no record' test -e here/ca/state/ca.db
mv lost.db here/ca/state/ca.db
# A CA that lost only its record gets it back.
rm here/ca/state/ca.db*
expect 0 'a record that was lost' in_place here restore ../b.tar --passphrase-file ../pass
expect 0 'is whole again' in_place here check

# Wrong passphrases.
expect 6 'no passphrase' restore bad b.tar
says 'is asked for' '--passphrase-file'
expect 6 'another passphrase' restore bad b.tar --passphrase-file ../wrong
says 'says so' 'not the passphrase under which it was made'
check 'nothing is in place' nothing_in bad

# Backups that are changed, truncated, or something else.
size=$(stat -c %s b.tar)
flip() { # OFFSET: changes one bit of the backup there
	cp b.tar bad.tar
	byte=$(od -An -tu1 -j "$1" -N 1 b.tar)
	printf '%b' "\\x$(printf %x $((byte ^ 1)))" | dd of=bad.tar bs=1 seek="$1" conv=notrunc status=none
}
refused() {
	place bad
	status=0
	in_place bad restore ../bad.tar --passphrase-file ../pass >out 2>err || status=$?
	case $status in 1 | 3 | 6) nothing_in bad && grep -q bad.tar err ;; *) false ;; esac
}
accepted=
for ((at = 0; at < size; at += size / 16)); do
	flip $at
	refused || accepted+=" $at"
done
for at in $((size - 600)) $((size - 1024)) $((size - 1)) 0 257 600 1100; do
	flip $at
	refused || accepted+=" $at"
done
equal 'a changed bit is found wherever it is' '' "$accepted"
accepted=
for part in 0 1 511 512 1000 5000 $((size / 2)) $((size - 1536)) $((size - 1024)) $((size - 512)) $((size - 1)); do
	head -c "$part" b.tar >bad.tar
	refused || accepted+=" $part"
done
equal 'what is cut off is found' '' "$accepted"
(cat b.tar && echo x) >bad.tar
check 'what was added is found' refused
cp manifest.yaml bad.tar
check 'what is no archive is found' refused
# An attacker who computes the sums anew still does not know the passphrase.
rm -rf evil && cp -r hand evil && rm -rf evil/Private
sqlite3 evil/state/ca.db 'update certificate set revoked_at = null, reason = null'
(cd evil && sha256sum BACKUP manifest.yaml cert/root.crt cert/ca.crl keys.enc state/ca.db >SHA256SUMS)
members='BACKUP manifest.yaml cert/root.crt cert/ca.crl keys.enc state/ca.db SHA256SUMS SHA256SUMS.hmac'
# shellcheck disable=SC2086
tar cf bad.tar -b 1 --format=ustar -C evil $members
check 'new sums do not help' refused
says 'it was changed' 'or it was changed since'
# catalogue 32
mkdir evil/x
tar cf bad.tar -b 1 --format=ustar -P -C evil/x ../BACKUP ../manifest.yaml ../cert/root.crt
check 'a way out of the place' refused
ln -sf /etc/passwd evil/BACKUP
# shellcheck disable=SC2086
tar cf bad.tar -b 1 --format=ustar -C evil $members
check 'a link' refused

# catalogue 71
mkdir small
if mount -t tmpfs -o size=300k tmpfs small 2>check.log; then
	expect 1 'backup onto a disk that is full' "$certpool" backup small/b.tar --passphrase-file pass
	says 'says so' 'disk is full|No space left'
	equal 'leaves nothing' '' "$(ls -A small)"
	expect 0 'the CA has not noticed' "$certpool" check
	cp manifest.yaml small
	expect 1 'restore onto a disk that is full' sh -c "cd small && '$certpool' restore ../b.tar --passphrase-file ../pass"
	check 'leaves nothing' nothing_in small
	mount -o remount,size=16m small
	expect 0 'with space it is restored' sh -c "cd small && '$certpool' restore ../b.tar --passphrase-file ../pass"
	# catalogue 73
	mount -o remount,ro small
	expect 1 'backup onto a read-only disk' "$certpool" backup small/c.tar --without-keys
	umount small
else
	skip 'a full disk' "$(cat check.log)"
fi

# catalogue 76: killed at each call that changes something, and run again. The shell reports each kill.
exec 3>&2 2>notices
killed_at() { # STEP CALLS COMMAND…
	ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e "trace=$2" -e "inject=$2:signal=KILL:when=$1" "${@:3}" >out 2>err
}
# The restored record is complete as soon as it exists; before, no command takes the folder for a CA.
sound() {
	if [ -e steps/ca/state/ca.db ]; then
		[ "$(sqlite3 steps/ca/state/ca.db 'pragma integrity_check; select count(*) from certificate' | xargs)" = 'ok 420' ]
	else
		! in_place steps serve --listen "http://$host:0" >out 2>err && in_place steps restore "../$1" "${@:2}" >out 2>err
	fi && in_place steps audit verify >out 2>err && [ -z "$(find steps -name '.*new*')" ]
}
each_step() { # CALLS FILE [OPTION…]: sets $step to the number of steps, $right to the number of correct ones
	step=0 right=0 killed=137
	while [ $killed -eq 137 ] && [ $step -lt 200 ]; do
		step=$((step + 1))
		place steps
		killed=0
		(cd steps && killed_at $step "$1" "$certpool" restore "../$2" "${@:3}") || killed=$?
		sound "${@:2}" && right=$((right + 1))
	done
}
each_step renameat2 b.tar --passphrase-file ../pass
equal 'restore, killed at any name that it gives, is completed by restore' "$step" "$right"
check 'there were steps' test "$step" -gt 5
each_step fsync,fdatasync,syncfs,pwrite64,unlink,unlinkat,ftruncate pipe.tar
equal 'killed at any step of the record too' "$step" "$right"
check 'there were steps' test "$step" -gt 15
step=0 right=0 killed=137
while [ $killed -eq 137 ] && [ $step -lt 200 ]; do
	step=$((step + 1))
	rm -f steps.tar
	killed=0
	killed_at $step renameat2,fsync,unlink,unlinkat,fdatasync "$certpool" backup steps.tar --without-keys || killed=$?
	[ -e steps.tar ] || "$certpool" backup steps.tar --without-keys >out 2>err || break
	place steps
	in_place steps restore ../steps.tar >out 2>err || break
	[ "$(find . -maxdepth 1 -name '.*.new' | wc -l)" -eq 0 ] && right=$((right + 1))
done
equal 'backup, killed at any step, leaves all of it or nothing' "$step" "$right"
check 'there were steps' test "$step" -gt 3
check 'the log of the CA is whole' "$certpool" audit verify
exec 2>&3

# Two backups at once; and a damaged record.
exec 8>>ca/state/backup && flock 8
expect 7 'while another is made' "$certpool" backup two.tar --without-keys
says 'says so' 'ca/state: backup: another process has this lock'
exec 8>&-
stop "$ca"
equal 'the CA stops in order' 0 "$stopped"
sqlite3 ca/state/ca.db 'pragma wal_checkpoint(truncate)' >out
size=$(stat -c %s ca/state/ca.db)
dd if=/dev/urandom of=ca/state/ca.db bs=4096 seek=$((size / 8192)) count=3 conv=notrunc status=none
expect 1 'of a damaged record' "$certpool" backup damaged.tar --without-keys
says 'none is made' 'damaged'
equal 'and nothing left' 0 "$(count_files . '*damaged*')"
