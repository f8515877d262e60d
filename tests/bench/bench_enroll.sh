#!/usr/bin/env bash
# A pool of P-256 from the first key to saved certificates, against other tools that can make N of them.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Makes the requests that cfssl certifies when only its serving counts; certpool makes them.
prepare_requests() {
	new_folder requests
	manifest "$1" ecdsa-p256
	certpool init && certpool request client1 || return
	for request in "$folder"/client1/CSR_file/*.csr; do
		jq -Rsc '{certificate_request: .}' "$request" >"${request%.csr}.json" || return
	done
	bodies=()
	for request in "$folder"/client1/CSR_file/*.json; do bodies+=(--body "$request"); done
}

# Makes the tables of cfssl's own migration for SQLite, with the columns that 1.2 writes.
make_cfssl_store() {
	sqlite3 "$folder/certs.db" <<-END
		create table certificates (serial_number blob not null, authority_key_identifier blob not null,
			ca_label blob, status blob not null, reason int, expiry timestamp, revoked_at timestamp,
			pem blob not null, primary key (serial_number, authority_key_identifier));
		create table ocsp_responses (serial_number blob not null,
			authority_key_identifier blob not null, body blob not null, expiry timestamp,
			primary key (serial_number, authority_key_identifier),
			foreign key (serial_number, authority_key_identifier)
				references certificates (serial_number, authority_key_identifier));
	END
	printf '{"driver":"sqlite3","data_source":"%s/certs.db"}\n' "$folder" >"$folder/db.json"
	echo '{"signing":{"default":{"expiry":"2160h","usages":["digital signature","client auth"]}}}' \
		>"$folder/config.json"
}

start_cfssl() {
	new_folder cfssl
	make_openssl_ca && make_cfssl_store && free_port || return
	cfssl serve -address 127.0.0.1 -port "$port" -ca "$folder/ca.crt" -ca-key "$folder/ca.key" \
		-config "$folder/config.json" -db-config "$folder/db.json" -loglevel 4 \
		>>"$WORK/log" 2>&1 &
	server=$!
	servers+=("$server")
	cfssl=http://127.0.0.1:$port
	wait_until curl --silent --noproxy '*' --output /dev/null "$cfssl/"
}

# stop_cfssl N: stops it, and checks that it has stored N certificates.
stop_cfssl() {
	stop "$server"
	[ "$(sqlite3 "$folder/certs.db" 'select count(*) from certificates')" -eq "$1" ] ||
		fail 'cfssl has not kept what it certified: was it built without SQLite?'
}

cfssl_members() {
	local i
	for ((i = $1; i <= $3; i += $2)); do
		printf '{"CN":"client1-%s","key":{"algo":"ecdsa","size":256}}\n' "$i" >"$folder/$i.request" &&
			cfssl gencert -loglevel 4 -remote "$cfssl" "$folder/$i.request" >"$folder/$i.json" || return
	done
}
enroll_with_gencert() {
	start_cfssl && timed_here at_a_time 4 cfssl_members "$n_gencert" && stop_cfssl "$n_gencert" || return
	record enroll gencert "$n_gencert" "$seconds"
}

enroll_with_cfssl() {
	start_cfssl || return
	sync
	load --connections 4 --requests "$n_cfssl" --content-type application/json "${bodies[@]}" \
		"$cfssl/api/v1/cfssl/sign" && stop_cfssl "$n_cfssl" || return
	record enroll cfssl "$n_cfssl" "$(jq .seconds <<<"$loaded")"
}

openssl_members() {
	local i
	for ((i = $1; i <= $3; i += $2)); do
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$folder/$i.key" \
			-out "$folder/$i.csr" -subj "/CN=client1-$i" &&
			openssl x509 -req -in "$folder/$i.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" \
				-days 90 -out "$folder/$i.crt" || return
	done
}
enroll_with_openssl() {
	new_folder openssl
	make_openssl_ca && timed_here at_a_time 2 openssl_members "$n_openssl" || return
	record enroll openssl "$n_openssl" "$seconds"
}

certtool_members() {
	local i
	for ((i = $1; i <= $3; i += $2)); do
		printf 'cn = "client1-%s"\nexpiration_days = 90\nsigning_key\n' "$i" >"$folder/$i.cfg"
		certtool --generate-privkey --key-type ecdsa --curve secp256r1 --no-text \
			--outfile "$folder/$i.key" &&
			certtool --generate-request --load-privkey "$folder/$i.key" --no-text \
				--template "$folder/$i.cfg" --outfile "$folder/$i.csr" &&
			certtool --generate-certificate --load-request "$folder/$i.csr" --no-text \
				--load-ca-certificate "$folder/ca.crt" --load-ca-privkey "$folder/ca.key" \
				--template "$folder/$i.cfg" --outfile "$folder/$i.crt" || return
	done
}
certtool_loops() {
	new_folder certtool
	make_openssl_ca && timed_here at_a_time "$2" certtool_members "$n_certtool" || return
	record enroll "$1" "$n_certtool" "$seconds"
}
enroll_with_certtool() { certtool_loops certtool 1; }
enroll_with_certtool_x2() { certtool_loops certtool_x2 2; }

# easy-rsa has an index and a serial number in files, so it runs once at a time.
easyrsa_members() {
	local i
	for ((i = 1; i <= $1; i++)); do "$easyrsa" build-client-full "client1-$i" nopass || return; done
}
enroll_with_easyrsa() {
	new_folder easy-rsa
	export EASYRSA_PKI=$folder/pki EASYRSA_BATCH=1 EASYRSA_ALGO=ec EASYRSA_CURVE=prime256v1
	"$easyrsa" init-pki >>"$WORK/log" 2>&1 && "$easyrsa" build-ca nopass >>"$WORK/log" 2>&1 || return
	timed_here easyrsa_members "$n_easyrsa" || return
	record enroll easy-rsa "$n_easyrsa" "$seconds"
}

n=$(size 10000 2000 20)
n_cfssl=$(size 2000 300 10)
n_gencert=$(size 400 60 4)
n_openssl=$(size 400 60 4)
n_certtool=$(size 200 40 2)
n_easyrsa=$(size 10 3 1)
# Debian installs easy-rsa outside the PATH.
easyrsa=$(PATH=$PATH:/usr/share/easy-rsa command -v easyrsa)
peers=()
if needs enroll gencert cfssl sqlite3 curl openssl; then peers+=(gencert); fi
if needs enroll cfssl cfssl sqlite3 curl openssl && prepare_requests "$(size 200 100 5)"; then peers+=(cfssl); fi
if needs enroll openssl openssl; then peers+=(openssl); fi
if needs enroll certtool certtool openssl; then peers+=(certtool); fi
if needs enroll certtool_x2 certtool openssl; then peers+=(certtool_x2); fi
if needs enroll easy-rsa "${easyrsa:-easyrsa}" openssl; then peers+=(easyrsa); fi

for ((run = 0; run < RUNS; run++)); do
	limits ecdsa-p256
	attempt enroll certpool enroll_pool enroll "$n" ecdsa-p256
	for peer in "${peers[@]}"; do
		attempt enroll "${peer/easyrsa/easy-rsa}" "enroll_with_$peer"
	done
done
