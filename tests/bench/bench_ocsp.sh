#!/usr/bin/env bash
# OCSP: the same requests, about the same certificates, under the same CA key, from one load generator.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Makes a pool, its running CA, and for each member a request with a nonce and one without.
prepare() {
	new_folder ocsp
	manifest "$n" ecdsa-p256
	certpool init && start serve || return
	export CERTPOOL_CA=$endpoint
	ours=$endpoint/ocsp
	certpool request client1 && certpool enroll client1 || return
	fresh=()
	kept=()
	for member in $(seq "$n"); do
		ask "$member" "$folder/fresh$member" && ask "$member" "$folder/kept$member" -no_nonce || return
		fresh+=(--body "$folder/fresh$member")
		kept+=(--body "$folder/kept$member")
	done
}
ask() {
	openssl ocsp -issuer "$folder/ca/cert/root.crt" -cert "$folder/client1/cert/cert_key$1.crt" \
		-reqout "$2" "${@:3}" >>"$WORK/log" 2>&1
}

# Prints openssl's text database of the members' certificates: valid, expiry, serial, subject.
make_index() {
	local member serial expiry
	for member in $(seq "$n"); do
		{ read -r serial && read -r expiry; } < <(openssl x509 -noout -serial -enddate -dateopt iso_8601 \
			-in "$folder/client1/cert/cert_key$member.crt" | cut -d= -f2)
		printf 'V\t%s\t\t%s\tunknown\t/CN=client1-%s\n' "$(date -u -d "$expiry" +%y%m%d%H%M%SZ)" \
			"$serial" "$member"
	done >"$folder/index.txt"
}

start_openssl() {
	make_index && free_port || return
	openssl ocsp -index "$folder/index.txt" -port "$port" -rsigner "$folder/ca/cert/root.crt" \
		-rkey "$folder/ca/Private/root.key" -CA "$folder/ca/cert/root.crt" -multi 2 -ndays 1 \
		>>"$WORK/log" 2>&1 &
	server=$!
	servers+=("$server")
	theirs=http://127.0.0.1:$port/
	# Only a proper request: a process of this responder ends at a malformed one.
	wait_until is_good "$theirs"
}

# The comparison is valid only if the responder says good of a certificate that it knows.
is_good() {
	openssl ocsp -issuer "$folder/ca/cert/root.crt" -cert "$folder/client1/cert/cert_key1.crt" -url "$1" \
		-CAfile "$folder/ca/cert/root.crt" 2>&1 | grep -q 'cert_key1.crt: good'
}

# ask_responder SUBJECT SIDE URL BODIES…
ask_responder() {
	is_good "$3" || { fail "$2 does not say that a certificate is good"; return; }
	load --connections 4 --seconds "$(size 3 0.5 0.2)" --content-type application/ocsp-request \
		"${@:4}" "$3" || return
	record "$1" "$2" "$(jq .requests <<<"$loaded")" "$(jq .seconds <<<"$loaded")" \
		"$(jq -c '{p50_ms, p99_ms}' <<<"$loaded")"
}

n=$(size 100 50 3)
if ! needs ocsp-fresh openssl openssl || ! needs ocsp-kept openssl openssl; then
	absent ocsp-fresh certpool 'no openssl to make the requests with'
	absent ocsp-kept certpool 'no openssl to make the requests with'
	exit
fi
prepare || exit
if ! start_openssl; then
	absent ocsp-fresh openssl 'failed'
	absent ocsp-kept openssl 'failed'
	theirs=
fi

for ((run = 0; run < RUNS; run++)); do
	for subject in fresh kept; do
		declare -n bodies=$subject
		attempt "ocsp-$subject" certpool ask_responder "ocsp-$subject" certpool "$ours" "${bodies[@]}"
		[ -z "$theirs" ] ||
			attempt "ocsp-$subject" openssl ask_responder "ocsp-$subject" openssl "$theirs" "${bodies[@]}"
	done
done
