#!/usr/bin/env bash
# What `certpool bench` says of this machine, for each type of key that a user may choose.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

measure() { # TYPE
	"$CERTPOOL" bench --key "$1" --duration "$(size 10s 4s 1s)" --in "$WORK" --quiet --json >"$WORK/verb" 2>>"$WORK/log" || return
	record verb "$1" "$(jq .certificates "$WORK/verb")" "$(jq .certificates_seconds "$WORK/verb")" \
		"$(jq '{requests_per_second, certificates_per_second, messages_per_second, status_questions_per_second}' "$WORK/verb")"
}

for ((run = 0; run < RUNS; run++)); do
	for type in ecdsa-p256 ecdsa-p384 ed25519 rsa-2048; do attempt verb "$type" measure "$type"; done
done
