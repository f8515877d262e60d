#!/usr/bin/env bash
# Deployments and backups that older certpools left (tests/vectors/deployments): today's opens them, brings
# the record to its version in one transaction, and goes on.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# The shell's report of every killed process. Failed checks are on standard output.
exec 2>notices

deployments=$(realpath "$OLDPWD/tests/vectors/deployments")
version_of() { sqlite3 "$1" 'pragma user_version'; }
serial_of() { openssl x509 -in "client1/cert/cert_key$1.crt" -noout -serial | sed 's/.*=//'; }
crl_lists() { "$certpool" crl --der -o crl.der -q && grep -q "Serial Number: $(serial_of "$1")" <(openssl crl -inform DER -in crl.der -noout -text); }
answers() { openssl ocsp -issuer "$1" -cert "client1/cert/cert_key$2.crt" -url "$CERTPOOL_CA/ocsp" -CAfile client1/cert/root.crt 2>&1 | grep -q "crt: $3"; }

manifest 1 1 >manifest.yaml
"$certpool" init -q >out
latest=$(version_of ca/state/ca.db)

# extract NAME [FOLDER]: into a new folder of that name.
extract() {
	rm -rf "${2-$1}" && mkdir "${2-$1}" && tar -xzf "$deployments/$1.tar.gz" -C "${2-$1}" --strip-components=1
}
serials() { "$certpool" list "$@" --json | jq -r .serial | sort; }
revoked_before() { [ "$(serials --revoked)" = "$(serial_of 2 | tr A-F a-f)" ]; }

# go_on NAME: in the deployment's folder, with all that a CA does.
go_on() {
	local name=$1 issuer=ca/cert/root.crt
	[ ! -e ca/cert/ca.crt ] || issuer=ca/cert/ca.crt
	equal "$name: the record is of its version" "${name:1:1}" "$(version_of ca/state/ca.db)"
	expect 0 'it is listed' "$certpool" list --json
	equal 'with the certificates that were issued' "$(for i in 1 2 3; do serial_of $i; done | tr A-F a-f | sort)" "$(jq -r .serial out | sort)"
	equal 'it is of the latest version now' "$latest" "$(version_of ca/state/ca.db)"
	if [ -e backup.tar ]; then check 'what was revoked is still revoked' revoked_before; fi
	start_ca
	expect 0 'the client enrolls the member that it lacks' "$certpool" enroll client1
	expect 0 'one is revoked' "$certpool" revoke ./client1/cert/cert_key1.crt --reason superseded
	check 'the CRL has it' crl_lists 1
	check 'OCSP says so' answers $issuer 1 revoked
	check 'and of another that it is good' answers $issuer 3 good
	expect 0 'the client renews all' "$certpool" renew client1 --all
	stop "$ca"
	if [ -e ca/cert/ca.crt ] && [ ! -e ca/cert/root.crl ]; then
		expect 1 'a root had no CRL then' "$certpool" check
		prints 'which is said, with what to do' 'run certpool crl --root'
		expect 0 'as it says' "$certpool" crl --root
	fi
	expect 0 'record, keys, CRL and log fit together' "$certpool" check
	expect 0 'the log is whole' "$certpool" audit verify
	expect 0 'a backup' "$certpool" backup new.tar --without-keys
}

# What a client of that version sent, at the time when it did.
answer_a_request() {
	ahead_by $(($(cat late.time) - $(date +%s)))
	start_ca
	launcher=()
	equal "$1: a client's request is answered" 200 "$(post /v1/certificates late.jwe)"
	check 'in its words' jose jwe dec -i answer -k client1/Private/shared_ca.jwk -O answer.json
	jq -r '.certificates.key4' answer.json >late.crt
	equal 'with the certificate for its key' "$(openssl req -in client1/CSR_file/csr_key4.csr -noout -pubkey)" "$(openssl x509 -in late.crt -noout -pubkey)"
	stop "$ca"
}

# A CA whose host was lost: a backup that an older certpool made.
restore_a_backup() {
	cp backup.tar pass manifest.yaml ../lost
	(
		cd ../lost || exit
		expect 0 "$1: its backup is restored" "$certpool" restore backup.tar --passphrase-file pass
		prints 'with what was revoked' '3 certificates, 1 revocation,'
		check 'the record is of the latest version' test "$(version_of ca/state/ca.db)" = "$latest"
		expect 0 'and goes on' "$certpool" crl --renew
		exit "$failures"
	) || failures=$((failures + $?))
}

archives=("$deployments"/*.tar.gz)
check 'there is a deployment of each version' test "${#archives[@]}" -ge 11
for archive in "${archives[@]}"; do
	name=$(basename "$archive" .tar.gz)
	extract "$name" old && cd old || exit 1
	answer_a_request "$name"
	cd "$folder" || exit 1
	extract "$name" old && cd old || exit 1
	go_on "$name"
	if [ -e backup.tar ]; then
		rm -rf ../lost && mkdir ../lost
		restore_a_backup "$name"
	fi
	cd "$folder" || exit 1
done

# Killed in the migration, at each of the calls that write: the record is of the old version or of the
# latest, whole, and the next run opens it.
migrate_until_killed() {
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e "inject=pwrite64,fdatasync,ftruncate,unlink:signal=KILL:when=$1" \
		"$certpool" list --json >out 2>err
}
whole() { [ "$(sqlite3 "$1" 'pragma integrity_check')" = ok ]; }
for name in v1 v6; do
	old=${name:1:1}
	found=''
	broken=0
	for ((step = 1; step < 200; step++)); do
		extract "$name" killed && cd killed || exit 1
		status=0
		migrate_until_killed $step || status=$?
		cp -r ca/state probe
		version=$(version_of probe/ca.db)
		whole probe/ca.db && [[ $version == "$old" || $version == "$latest" ]] || broken=$((broken + 1))
		found+="$version "
		[ "$("$certpool" list --json 2>err | wc -l)" -eq 3 ] || broken=$((broken + 1))
		cd "$folder" || exit 1
		[ $status -ne 0 ] || break
	done
	check "$name: killed $((step - 1)) times on its way to version $latest" test $step -gt 3 -a $step -lt 200
	equal 'it is of one of the two, whole, and opens again' 0 $broken
	equal 'first of the one, then of the other' "$old $latest" "$(tr ' ' '\n' <<<"$found" | grep . | uniq | xargs)"
done

# A record that a newer certpool made.
extract v4 newer && cd newer || exit 1
sqlite3 ca/state/ca.db "pragma user_version = $((latest + 1))"
for verb in serve list check 'crl --renew' 'revoke client1/1'; do
	# shellcheck disable=SC2086 # words of a command
	expect 1 "$verb: a newer record" "$certpool" $verb
	says 'is refused by its version' "expected a record of version $latest, found version $((latest + 1)): use the certpool that made it"
done
equal 'and left alone' $((latest + 1)) "$(version_of ca/state/ca.db)"
