#!/usr/bin/env bash
# Part 1: request, serve, enroll.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 5 2 | sed 's/client1: {/&policy: {certificates: 1000}, /' >manifest.yaml
"$certpool" init -q >out

expect 4 'request for a client that the manifest does not have' "$certpool" request nobody
says 'it is named' 'nobody'
expect 7 'enroll when nobody listens, or nothing was requested' sh -c "
	'$certpool' request client1 -q >/dev/null && '$certpool' enroll client1 --ca http://127.0.0.1:1"
says 'the address is named' '127\.0\.0\.1:1'
equal 'five keys' 5 "$(count_files client1/Private 'private_key*.key')"
equal 'five requests' 5 "$(count_files client1/CSR_file 'csr_key*.csr')"
equal 'keys are for their owner alone' 600 "$(mode client1/Private/private_key3.key)"
equal 'requests may be read' 644 "$(mode client1/CSR_file/csr_key3.csr)"
check 'openssl accepts a request' openssl req -verify -noout -in client1/CSR_file/csr_key1.csr
check 'openssl reads a key' openssl pkey -noout -in client1/Private/private_key1.key

sha256sum client1/Private/* client1/CSR_file/* >before
expect 0 'request again' "$certpool" request client1 --json
equal 'request again makes nothing' '{"client":"client1","keys":0,"requests":0,"present":5}' "$(cat out)"
check 'request again changes nothing' sha256sum --quiet -c before
rm client1/CSR_file/csr_key2.csr
expect 0 'a lost request is made again' "$certpool" request client1
equal 'for the key that is there' "$(openssl pkey -pubout -in client1/Private/private_key2.key)" \
	"$(openssl req -pubkey -noout -in client1/CSR_file/csr_key2.csr)"

expect 2 'serve where the CA has no layout' sh -c "sed 's/layout: ca, //' manifest.yaml >other.yaml && '$certpool' serve -m other.yaml"
start_ca
check 'serve says where it listens' grep -qx "certpool serve: listening on $CERTPOOL_CA" serve.err
# catalogue 87: a second CA on the layout
expect 7 'a second serve on the layout is refused' "$certpool" serve --listen "http://$host:0"
says 'and says why' 'serving'

expect 4 'enroll before request' "$certpool" enroll client2
says 'says to run request' 'certpool request client2'
expect 0 'enroll' "$certpool" enroll client1
prints 'it says what it saved' '^client1: saved 5 certificates; 0 were there; 0 refused$'
for i in 1 2 3 4 5; do
	check "openssl verifies certificate $i" openssl verify -x509_strict -CAfile client1/cert/root.crt client1/cert/cert_key$i.crt
done
equal 'a certificate is for the key of its member' "$(openssl pkey -pubout -in client1/Private/private_key4.key)" \
	"$(openssl x509 -pubkey -noout -in client1/cert/cert_key4.crt)"
equal 'the subject is the manifest'\''s' 'subject=CN = client1-4' "$(openssl x509 -subject -noout -in client1/cert/cert_key4.crt)"
equal 'certificates may be read' 644 "$(mode client1/cert/cert_key1.crt)"
equal 'the record has them' 5 "$(rows)"

sha256sum client1/cert/* >before
expect 0 'enroll again' "$certpool" enroll client1 --json
equal 'sends nothing' '{"client":"client1","saved":0,"present":5,"refused":0,"cut_short":0}' "$(cat out)"
check 'changes nothing' sha256sum --quiet -c before

# catalogue 62: the same keys in new requests, in another grouping, from several processes at once
cp -a client1 copy1
cp -a client1 copy2
rm copy?/cert/cert_key*
sed 's/pool: {size: 5}/layout: copy1, pool: {size: 5, batch_size: 1}/' manifest.yaml >copy1.yaml
sed 's/pool: {size: 5}/layout: copy2, pool: {size: 5, batch_size: 3}/' manifest.yaml >copy2.yaml
"$certpool" enroll client1 -m copy1.yaml >/dev/null &
first=$!
expect 0 'the same keys from another process' "$certpool" enroll client1 -m copy2.yaml
check 'and from a third at once' wait $first
check 'have the same certificates' diff -r client1/cert copy1/cert
check 'all of them' diff -r client1/cert copy2/cert
equal 'and nothing was recorded anew' 5 "$(rows)"

manifest 8 2 >manifest.yaml
expect 0 'a larger size' "$certpool" request client1
prints 'adds the rest' 'made 3 keys and 3 requests; 5 members were complete'
expect 0 'which is certified' "$certpool" enroll client1
equal 'eight certificates' 8 "$(count_files client1/cert 'cert_key*.crt')"
equal 'eight rows' 8 "$(rows)"

# catalogue 40: existing files are not overwritten
expect 0 'a request of one'\''s own in CSR_file' sh -c "
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout foreign.key -subj /CN=client2-1 \
		-out client2/CSR_file/csr_key1.csr && '$certpool' request client2"
check_not 'gets no key beside it' test -e client2/Private/private_key1.key
expect 0 'and is certified' "$certpool" enroll client2
equal 'for its key' "$(openssl pkey -pubout -in foreign.key)" "$(openssl x509 -pubkey -noout -in client2/cert/cert_key1.crt)"

# told_over_quota: prints how many members the last expect reported as over the quota of 3. The requests
# are answered in any order, so the members are grouped into lines differently each time.
told_over_quota() {
	sed -nE 's/^certpool enroll: client1: (.*): refused \(quota\): client1 may have 3 certificates.*/\1/p' err | awk '
		$1 == "member" { told++ }
		match($0, /\(([0-9]+)\)$/) { told += substr($0, RSTART + 1) } # members 5 to 200 (196)
		/^members [0-9]+, [0-9]+$/ { told += 2 }
		END { print told + 0 }'
}

# Some members are refused for their subject: the others are saved.
mkdir mixed
manifest 4 1 >mixed/manifest.yaml
sed -i 's/client1: {pool: {size: 4}}/client1: {pool: {size: 4}, policy: {certificates: 3}}/' mixed/manifest.yaml
"$certpool" init -m mixed/manifest.yaml -q >out
"$certpool" request client1 -m mixed/manifest.yaml -q >out
openssl req -new -key mixed/client1/Private/private_key2.key -subj /CN=root -out mixed/client1/CSR_file/csr_key2.csr
echo nonsense >mixed/client1/CSR_file/csr_key3.csr
(
	unset CERTPOOL_CA
	start mixed serve -m mixed/manifest.yaml --listen "http://$host:0"
	expect 5 'a pool of which some are refused' "$certpool" enroll client1 -m mixed/manifest.yaml --ca "$endpoint"
	says 'the policy is a reason' 'member 2: refused \(policy\)'
	says 'so is a request that is none' 'member 3: refused \(bad_request\)'
	prints 'the others are saved' 'saved 2 certificates; 0 were there; 2 refused'
	rm mixed/client1/CSR_file/csr_key3.csr
	"$certpool" request client1 -m mixed/manifest.yaml -q >out
	sed -i 's/size: 4/size: 5/' mixed/manifest.yaml
	"$certpool" request client1 -m mixed/manifest.yaml -q >out
	expect 5 'a pool over its quota' "$certpool" enroll client1 -m mixed/manifest.yaml --ca "$endpoint"
	says 'says so' 'refused \(quota\)'
	equal 'and has what its quota allows' 3 "$(rows mixed/ca)"
	sed -i 's/size: 5/size: 400/' mixed/manifest.yaml
	"$certpool" request client1 -m mixed/manifest.yaml -q >out
	expect 5 'many refused for one reason' "$certpool" enroll client1 -m mixed/manifest.yaml --ca "$endpoint"
	equal 'are told in a few lines' yes "$([ "$(grep -c 'refused (quota)' err)" -le 8 ] && echo yes)"
	equal 'with all of them in these' $((400 - 3 - $(grep -c 'member 2: refused (policy)' err))) "$(told_over_quota)"
	says 'with the first of them, or their range' 'client1: members ([0-9]+ to [0-9]+|[0-9]+, [0-9]+, [0-9]+( …)?) \([0-9]+\): refused \(quota\)'
	equal 'a reason is told once' '' "$(sed -n 's/.*refused//p' err | sort | uniq -d)"
	stop "$server"
	exit "$failures"
) || failures=$((failures + 1))

# Another CA: its root is not the pinned one.
mkdir other
sed 's/CN=certpool Root CA/CN=Other/' manifest.yaml >other/manifest.yaml
"$certpool" init -m other/manifest.yaml -q >out
cp -p ca/Private/shared_client1.jwk other/ca/Private/
rm client1/cert/cert_key1.crt
start other serve -m other/manifest.yaml --listen "http://$host:0"
expect 3 'the certificates of another CA are refused' "$certpool" enroll client1 --ca "$endpoint"
says 'and it says why' 'certificate|chain|issuer|root'
check_not 'none is written' test -e client1/cert/cert_key1.crt
check 'no temporary file is left' test -z "$(find client1 -name '.*.new')"

# Another shared key.
cp -p client1/Private/shared_ca.jwk key
cp -p other/client1/Private/shared_ca.jwk client1/Private/shared_ca.jwk
expect 6 'another shared key' "$certpool" enroll client1
says 'says that the keys differ' 'key'
check 'the CA tells that in its log' grep -q '/v1/certificates: 400' serve.err
cp -p key client1/Private/shared_ca.jwk

# catalogue 38, 100: a shared key file that others can read, or that holds no key
chmod 644 client1/Private/shared_ca.jwk
expect 6 'a shared key that others can read' "$certpool" enroll client1
says 'names the file and the modes' 'shared_ca\.jwk.*0600.*0644'
echo '{"kty":"oct","alg":"A256KW","kid":"x","k":"AAAA"}' >client1/Private/shared_ca.jwk
chmod 600 client1/Private/shared_ca.jwk
expect 1 'a shared key that is too short' "$certpool" enroll client1
cp -p key client1/Private/shared_ca.jwk

# Another server on the port.
if command -v openssl >/dev/null; then
	openssl s_server -accept "$host:0" -nocert -cipher 'aNULL:@SECLEVEL=0' -no_tls1_3 </dev/null >tls.out 2>&1 &
	eventually grep -q ACCEPT tls.out
	port=$(sed -nE 's/^ACCEPT .*:([0-9]+)$/\1/p' tls.out)
	expect 7 'TLS on the port' "$certpool" enroll client1 --ca "http://$host:$port"
fi
start_receiver client2
expect 4 'a client on the CA'\''s port' "$certpool" enroll client1 --ca "$inbox"

# catalogue 88: two enrolments of one pool at once
manifest 400 2 >manifest.yaml
"$certpool" request client1 -q >out
"$certpool" enroll client1 >first.out 2>first.err &
first=$!
expect 0 'an enrolment while another of the pool runs' "$certpool" enroll client1
check 'both succeed' wait $first
equal 'every member has a certificate' 400 "$(count_files client1/cert 'cert_key*.crt')"
equal 'each key is certified once' "$(rows)" "$(keys)"

stop "$ca"
equal 'SIGTERM ends serve with exit status 0' 0 "$stopped"
equal 'nothing on its standard output' '' "$(cat serve.out)"
expect 7 'enroll when the CA is gone' sh -c "rm client1/cert/cert_key9.crt && '$certpool' enroll client1"
start json serve --json --listen "http://$host:0"
equal 'serve --json says where it listens' "$endpoint" "$(jq -r .listening json.out)"
kill -INT "$server"
check 'SIGINT ends serve with exit status 0' wait "$server"
