#!/usr/bin/env bash
# Questions to /v1/status: rate and latency, and the latency while a pool is certified.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# A question is valid once, for five minutes: each run makes as many as it may need, about the first
# client's first certificate. A run ends with its time, or with its questions.
questions() { # COUNT
	"$PROGRAMS/status_question" "$folder/client2" client2 "$folder/known.crt" "$1" >"$folder/questions"
}
record_load() {
	record "$1" "$2" "$(jq .requests <<<"$loaded")" "$(jq .seconds <<<"$loaded")" \
		"$(jq -c --argjson pool "$n" '{p50_ms, p99_ms, max_ms, pool: $pool}' <<<"$loaded")"
}
ask() { load --content-type application/jose --lines "$folder/questions" "$@" "$CERTPOOL_CA/v1/status"; }

ask_idle() {
	questions "$(size 50000 10000 5000)" && ask --connections 1 --seconds "$(size 3 0.5 0.2)" || return
	record_load status-idle certpool
	questions "$(size 100000 20000 8000)" && ask --connections 4 --seconds "$(size 3 0.5 0.2)" || return
	record_load status-rate certpool
}

ask_busy() {
	local enrolling
	questions "$(size 30000 6000 500)" || return
	"$CERTPOOL" enroll client1 >>"$WORK/log" 2>&1 &
	enrolling=$!
	ask --connections 1 --seconds 600 --while "$enrolling" || return
	wait "$enrolling" || { fail 'enroll failed'; return; }
	record_load status-busy certpool
}

# Makes a fresh CA, with one certificate for the questions and a pool that can be certified.
prepare() {
	new_folder status
	manifest "$n" ecdsa-p256
	certpool init && start serve || return
	export CERTPOOL_CA=$endpoint
	certpool request client2 && certpool enroll client2 && certpool request client1 || return
	cp "$folder/client2/cert/cert_key1.crt" "$folder/known.crt"
}

# Sends as many octets as a question has to a handler that does nothing.
ask_empty_server() {
	local empty
	rm -f "$folder/empty" "$folder/end"
	mkfifo "$folder/empty" "$folder/end"
	"$PROGRAMS/empty_server" <"$folder/end" >"$folder/empty" &
	empty=$!
	servers+=("$empty")
	exec 8>"$folder/end"
	read -r -t 60 endpoint <"$folder/empty" || fail 'empty_server does not start' || return
	head -n 1 "$folder/questions" >"$folder/question"
	load --connections 4 --seconds "$(size 3 0.5 0.2)" --body "$folder/question" --may-be-empty "$endpoint/" || return
	exec 8>&-
	record_load status-limit nothing
}

n=$(size 10000 2000 20)
for ((run = 0; run < RUNS; run++)); do
	prepare || exit
	attempt status-idle certpool ask_idle
	attempt status-limit nothing ask_empty_server
	attempt status-busy certpool ask_busy
	stop "$server"
done
