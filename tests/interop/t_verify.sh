#!/usr/bin/env bash
# openssl and certtool verify everything that an enrolment writes, for each type of key, of the CA
# and of the pool.
. "$(dirname "$0")/../e2e/lib.sh"

certtool_verifies() { certtool --verify --load-ca-certificate "$1" --infile "$2"; }
certtool_verifies_chain() { cat "$2" "$1" | certtool --verify-chain; }

for type in ecdsa-p256 ecdsa-p384 ed25519 rsa-2048 rsa-3072 rsa-4096; do
	mkdir $type && cd $type || exit 1
	cat >manifest.yaml <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0", subject: "CN=$type root,O=Example", key: $type}
		clients:
		  client1:
		    pool:
		      size: 2
		      key: $type
		      subject: "CN={client}-{index}"
		      alt_names: ["DNS:m{index}.example.com", "URI:urn:example:{random}"]
	END
	expect 0 "$type: init" "$certpool" init
	expect 0 "$type: request" "$certpool" request client1
	start_ca
	expect 0 "$type: enroll" "$certpool" enroll client1
	stop "$ca"

	check "$type: openssl: the root verifies itself" openssl verify -x509_strict -CAfile ca/cert/root.crt ca/cert/root.crt
	check "$type: certtool: the root verifies itself" certtool_verifies ca/cert/root.crt ca/cert/root.crt
	for i in 1 2; do
		key=client1/Private/private_key$i.key
		csr=client1/CSR_file/csr_key$i.csr
		certificate=client1/cert/cert_key$i.crt
		check "$type: openssl: key $i is consistent" openssl pkey -in $key -check -noout
		check "$type: certtool: key $i is consistent" certtool --key-info --infile $key
		check "$type: openssl: request $i is signed by its key" openssl req -in $csr -verify -noout
		expect 0 "$type: certtool: request $i" certtool --crq-info --infile $csr
		prints "$type: certtool: request $i is signed by its key" 'Self signature: verified'
		check "$type: openssl: certificate $i" openssl verify -x509_strict -CAfile ca/cert/root.crt $certificate
		check "$type: certtool: certificate $i" certtool_verifies ca/cert/root.crt $certificate
		check "$type: certtool: chain $i" certtool_verifies_chain ca/cert/root.crt $certificate
		equal "$type: certificate $i has its own key" "$(openssl pkey -in $key -pubout)" \
			"$(openssl x509 -in $certificate -noout -pubkey)"
		prints_names=$(openssl x509 -in $certificate -noout -ext subjectAltName)
		check "$type: certificate $i has its names" grep -q "DNS:m$i.example.com, URI:urn:example:" <<<"$prints_names"
	done
	cd ..
done
