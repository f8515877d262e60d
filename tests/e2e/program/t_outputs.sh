#!/usr/bin/env bash
# Verbs that are killed while they write a file: the next run works, and nothing half written stays.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
quick_passphrases

# The shell's report of every killed process. Failed checks are on standard output.
exec 2>notices

manifest 3 1 >manifest.yaml
sed -i "2s|127.0.0.1:0|127.0.0.1:9|" manifest.yaml
"$certpool" init -q >out
"$certpool" request client1 -q >out
"$certpool" enroll client1 --export first.jwe -q >out && "$certpool" sign first.jwe -q >out
"$certpool" enroll client1 --import first.jwe.answer -q >out
sed -i 's/size: 3/size: 4/' manifest.yaml
"$certpool" request client1 -q >out
echo 'a long passphrase for these tests' >passphrase && chmod 600 passphrase

calls='fchmod write fsync fdatasync pwrite64 linkat renameat renameat2 unlinkat'
# killed_at STEP CALL COMMAND…: kills the command at its STEPth call of that system call.
killed_at() {
	local step=$1 call=$2
	shift 2
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "inject=$call:signal=KILL:when=$step" "$@" >out 2>err
}
# killed_anywhere NAME FILE VERB…: kills the verb at each call with which it writes, and runs it again:
# FILE is there then, and no temporary file.
killed_anywhere() {
	local name=$1 file=$2 kills=0 sound=0 call step
	shift 2
	for call in $calls; do
		step=1
		rm -f "$file"
		until killed_at $step "$call" "$certpool" "$@"; do
			kills=$((kills + 1))
			step=$((step + 1))
			rm -f "$file"
			"$certpool" "$@" >out 2>err && [ -s "$file" ] && [ -z "$(find . -maxdepth 1 -name '.*.new')" ] &&
				sound=$((sound + 1))
			rm -f "$file"
			[ $step -lt 12 ] || break
		done
	done
	equal "$name, killed at any step, works the next time" "$kills" "$sound"
	check "$name: there were steps to be killed at" test "$kills" -gt 3
}

# catalogue 122
killed_anywhere 'crl -o' list.crl crl -o list.crl
killed_anywhere 'enroll --export' more.jwe enroll client1 --export more.jwe
killed_anywhere 'sign' more.jwe.answer sign more.jwe
killed_anywhere 'send --output' message.jwe send client1 client2 --output message.jwe x
killed_anywhere 'invite' client2.invitation.json invite client2

# catalogue 122: a backup has keys in it, and another name each time
kills=0 clean=0 name=0
for call in $calls; do
	step=1
	until killed_at $step "$call" "$certpool" backup "backup$((++name)).tar" --passphrase-file passphrase; do
		kills=$((kills + 1))
		step=$((step + 1))
		[ -n "$(find . -maxdepth 1 -name '.*' -type f)" ] || clean=$((clean + 1))
		rm -f .backup*.new .certpool-backup-*
		[ $step -lt 80 ] || break
	done
done
equal 'a backup, killed at any step, leaves no file but a whole one' "$kills" "$clean"
check 'there were steps to be killed at' test "$kills" -gt 10
torn=0
for file in backup*.tar; do tar tf "$file" >out || torn=$((torn + 1)); done
equal 'each backup there is is whole' 0 $torn
