#!/usr/bin/env bash
# The CA over TLS beside the CA without, from one load generator: questions and OCSP over connections that are
# kept, and handshakes.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Two CAs, each with two clients, of which the second asks about the first one's certificate, and receives its
# messages; sets $plain and $secure to their folders.
prepare() { # SCHEME
	new_folder "tls-$1"
	manifest 1 ecdsa-p256
	sed -i "s|^ca: {layout: ca, endpoint: \"http://|ca: {layout: ca, endpoint: \"$1://|; s|client2: {|&policy: {requests_per_minute: 1000000, certificates: 10, usages: [sign, server], alt_names: [\"IP:127.0.0.1\"]}, |; s|http://127.0.0.1:0|$1://127.0.0.1:0|" "$folder/manifest.yaml"
	certpool init && start serve --listen "$1://127.0.0.1:0" || return
	export CERTPOOL_CA=$endpoint
	for client in client1 client2; do
		certpool request "$client" && certpool enroll "$client" || return
	done
	echo "$endpoint" >"$folder/url"
	head -c 1024 /dev/urandom >"$folder/message"
	openssl ocsp -issuer "$folder/ca/cert/root.crt" -cert "$folder/client1/cert/cert_key1.crt" -no_nonce \
		-reqout "$folder/ocsp" >>"$WORK/log" 2>&1
}

# put_load FOLDER OPTION… PATH: sets $loaded.
put_load() {
	load --roots "$1/ca/cert/root.crt" --seconds "$(size 3 0.5 0.2)" "${@:2:$#-2}" "$(cat "$1/url")${*: -1}"
}
record_loaded() { record "$1" "$2" "$(jq .requests <<<"$loaded")" "$(jq .seconds <<<"$loaded")"; }

ask_status() { # SIDE FOLDER
	"$PROGRAMS/status_question" "$2/client2" client2 "$2/client1/cert/cert_key1.crt" "$(size 100000 20000 2000)" >"$2/questions" &&
		put_load "$2" --content-type application/jose --lines "$2/questions" /v1/status && record_loaded tls-status "$1"
}
ask_ocsp() { # SIDE FOLDER
	put_load "$2" --content-type application/ocsp-request --body "$2/ocsp" /ocsp && record_loaded tls-ocsp "$1"
}
# The receiver has cached the sender's certificate by the time that is measured.
send_messages() { # SIDE FOLDER
	folder=$2
	export CERTPOOL_MANIFEST=$folder/manifest.yaml CERTPOOL_CA
	CERTPOOL_CA=$(cat "$folder/url")
	start receive client2 --listen "$(sed 's|:[0-9]*$|:0|' "$folder/url")" || return
	export CERTPOOL_ENDPOINT=$endpoint
	certpool send client1 client2 --file message || return
	timed "$CERTPOOL" send client1 client2 --count "$n" --file "$folder/message" || return
	stop "$server"
	record tls-messages "$1" "$n" "$seconds"
}
shake_hands() { # full|resumed
	put_load "$secure" --handshakes "$1" /root.crt && record_loaded tls-handshakes "$1"
}


# Its own figures and its children's: the seconds of CPU that they have used; the sum of their peak memory.
family_of() { # PROCESS FILE
	pgrep -P "$1" | xargs printf "/proc/%s/$2\n" "$1" | xargs cat
}
cpu_of() { # PROCESS
	family_of "$1" stat |
		awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); ticks += $12 + $13 } END { print ticks / tick }'
}
peak_of() { # PROCESS
	family_of "$1" status | awk '/^VmHWM/ { kb += $2 } END { print kb }'
}

# A CA over TLS, and two files with a client's requests, one a line: for EST, and for ACME with the name before each.
prepare_singles() { # SUBJECT
	new_folder "$1"
	export CERTPOOL_MANIFEST=$folder/manifest.yaml
	cat >"$CERTPOOL_MANIFEST" <<-END
		version: 1
		ca: {layout: ca, endpoint: "https://127.0.0.1:0", acme: {}}
		clients:
		  client1:
		    pool: {size: $(size 8000 2000 50), subject: "CN=www{index}.example", alt_names: ["DNS:www{index}.example"], usages: [server]}
		    policy: {certificates: 10000000, requests_per_minute: 1000000}
	END
	certpool init && certpool request client1 && start serve --listen https://127.0.0.1:0 || return
	echo "$endpoint" >"$folder/url"
	awk 'FNR == 1 { number = FILENAME; gsub(/.*csr_key|[.]csr$/, "", number); printf "%swww%s.example ", end, number; end = "\n" }
		!/^-----/ { printf "%s", $0 }
		END { print "" }' "$folder"/client1/CSR_file/*.csr >"$folder/named"
	cut -d ' ' -f 2 "$folder/named" >"$folder/requests"
	head -n "$(size 4000 1000 50)" "$folder/named" | tr '+/' '-_' | tr -d = >"$folder/orders"
}
# What $loaded says of certificates one by one, each of them durable before it is answered, over 8 connections.
record_singles() { # SUBJECT SIDE SECONDS-OF-CPU-BEFORE
	record "$1" "$2" "$(jq .requests <<<"$loaded")" "$(jq .seconds <<<"$loaded")" \
		"$(jq -c --arg before "$3" --arg after "$(cpu_of "$server")" --arg kb "$(peak_of "$server")" \
			'{p50_ms, p99_ms, cpu_us: ((($after | tonumber) - ($before | tonumber)) / .requests * 1e6),
			peak_kb: ($kb | tonumber)}' <<<"$loaded")"
	stop "$server"
}
enroll_by_est() { # SIDE
	local before password
	prepare_singles tls-est && password=$(cd "$folder" && "$CERTPOOL" client password client1) || return
	before=$(cpu_of "$server")
	put_load "$folder" --connections 8 --content-type application/pkcs10 --lines "$folder/requests" \
		--header "Authorization: Basic $(printf 'client1:%s' "$password" | base64 -w0)" /.well-known/est/simpleenroll &&
		record_singles tls-est "$1" "$before"
}
order_by_acme() { # SIDE
	local before
	prepare_singles tls-acme || return
	# Where clients find the CA, which is not what it was told.
	sed -i "s|https://127.0.0.1:0|$endpoint|" "$CERTPOOL_MANIFEST"
	(cd "$folder" && "$CERTPOOL" client acme client1 --json) >"$folder/credentials" || return
	before=$(cpu_of "$server")
	loaded=$("$PROGRAMS/acme_orders" "$folder/ca/cert/root.crt" "$folder/credentials" "$folder/orders" 8 2>>"$WORK/log") ||
		{ fail "acme_orders failed (see $WORK/log)"; return; }
	record_singles tls-acme "$1" "$before"
}

n=$(size 20000 4000 50)
prepare http && plain=$folder && prepare https && secure=$folder || exit
for ((run = 0; run < RUNS; run++)); do
	for subject in status ocsp; do
		attempt "tls-$subject" plain "ask_$subject" plain "$plain"
		attempt "tls-$subject" tls "ask_$subject" tls "$secure"
	done
	attempt tls-messages plain send_messages plain "$plain"
	attempt tls-messages tls send_messages tls "$secure"
	for kind in full resumed; do attempt tls-handshakes "$kind" shake_hands "$kind"; done
	attempt tls-est tls enroll_by_est tls
	attempt tls-acme tls order_by_acme tls
done
