#!/usr/bin/env bash
# Requests in a folder are certified into a folder: the CA's part alone, one process a side.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

certify_with_certpool() {
	new_folder certify
	manifest "$n" ecdsa-p256
	cp -r "$requests" "$folder/requests"
	certpool init && timed "$CERTPOOL" sign "$folder/requests" --client client1 || return
	[ "$(find "$folder/requests" -name '*.crt' | wc -l)" -eq "$n" ] ||
		{ fail "not all of the $n requests were certified"; return; }
	record certify certpool "$n" "$seconds"
}

make_openssl_ca_files() {
	mkdir "$folder/certs"
	: >"$folder/index.txt"
	echo 01 >"$folder/serial"
	cat >"$folder/ca.cnf" <<-END
		[ca]
		default_ca = bench
		[bench]
		dir = $folder
		database = \$dir/index.txt
		serial = \$dir/serial
		new_certs_dir = \$dir/certs
		certificate = \$dir/ca.crt
		private_key = \$dir/ca.key
		default_md = sha256
		default_days = 90
		unique_subject = no
		policy = any
		x509_extensions = leaf
		[any]
		commonName = supplied
		[leaf]
		basicConstraints = critical, CA:false
		keyUsage = critical, digitalSignature
		subjectKeyIdentifier = hash
		authorityKeyIdentifier = keyid
	END
}

certify_folder() { (cd "$requests" && openssl ca -config "$folder/ca.cnf" -batch -notext -infiles ./*.csr); }
certify_with_openssl() {
	new_folder openssl-ca
	make_openssl_ca && make_openssl_ca_files && timed_here certify_folder || return
	[ "$(find "$folder/certs" -name '*.pem' | wc -l)" -eq "$n" ] ||
		{ fail "not all of the $n requests were certified"; return; }
	record certify openssl "$n" "$seconds"
}

n=$(size 10000 2000 20)
new_folder requests
manifest "$n" ecdsa-p256
certpool init && certpool request client1 || exit
requests=$folder/client1/CSR_file
peers=(certpool)
if needs certify openssl openssl; then peers+=(openssl); fi

for ((run = 0; run < RUNS; run++)); do
	limits ecdsa-p256
	for peer in "${peers[@]}"; do attempt certify "$peer" "certify_with_$peer"; done
done
