#!/usr/bin/env bash
# Parts 2 and 3: verify.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 3 1 >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
certificate=client1/cert/cert_key1.crt
root=client1/cert/root.crt

expect 0 'a certificate, by a client' "$certpool" verify client2 $certificate
prints 'says what it is' "^$certificate: valid: CN=client1-1, valid until 20"
expect 0 'by a root' "$certpool" verify --trusted $root $certificate
expect 0 'in DER' sh -c "openssl x509 -in $certificate -outform DER -out cert.der && '$certpool' verify --trusted $root cert.der"
expect 0 'from standard input' sh -c "'$certpool' verify --trusted $root - <$certificate"
expect 0 'as JSON' "$certpool" verify --trusted $root $certificate --json
check 'JSON has the facts' jq -e '.verdict=="valid" and .subject=="CN=client1-1" and (.serial|length==40) and (.not_after|fromdate>0)' out
expect 2 'neither a client nor a root' "$certpool" verify $certificate
expect 2 'both' "$certpool" verify --trusted $root client2 $certificate
expect 2 '--online without a client' "$certpool" verify --trusted $root --online $certificate
expect 4 'a certificate that is not there' "$certpool" verify client2 nowhere.crt
expect 4 'a root that is not there' "$certpool" verify --trusted nowhere.crt $certificate
expect 4 'a client that is not there' "$certpool" verify nobody $certificate

# Hostile names. catalogue 46: control characters, and octets that are not UTF-8
odd=$'a"\\b\n\033[31m\177\xff\xc3\xa9\xed\xa0\x80.crt'
cp $certificate "$odd"
expect 0 'a file with an odd name' "$certpool" verify client2 "$odd" --json
equal 'is one line of JSON' 1 "$(wc -l <out)"
equal 'with its name, but for what is not UTF-8' "$(printf 'a"\\b\n\033[31m\177\357\277\275\303\251\357\277\275\357\277\275\357\277\275.crt' | od -c)" \
	"$(jq -rj .certificate out | od -c)"
expect 0 'as text' "$certpool" verify client2 "$odd"
equal 'is one line' 1 "$(wc -l <out)"
check_not 'without a control character' grep -qP '[\x00-\x08\x0b-\x1f\x7f]' out

not_after=$(openssl x509 -enddate -noout -in $certificate | cut -d= -f2)
after=$(date -u -d "$not_after + 1 second" +%s)
expect 0 'at its last second' "$certpool" verify client2 $certificate --at $((after - 1))
expect 3 'a second later' "$certpool" verify client2 $certificate --at "$after"
says 'says that it is expired' 'expired|notAfter|not_after|4\.1\.2\.5'
expect 3 'ten years ago' "$certpool" verify client2 $certificate --at "$(date -u -d '-10 years' +%Y-%m-%dT%H:%M:%SZ)"

# Files that are no certificate under the root.
expect 3 'the root as a member'\''s' "$certpool" verify client2 $root
expect 3 'nonsense' sh -c "echo nonsense >bad.crt; '$certpool' verify client2 bad.crt"
expect 3 'an empty file' sh -c ": >empty.crt; '$certpool' verify client2 empty.crt"
expect 3 'two certificates in one file' sh -c "cat $certificate $certificate >two.crt; '$certpool' verify client2 two.crt"
expect 3 'as JSON' "$certpool" verify client2 bad.crt --json
check 'JSON has the verdict and the reason' jq -e '.verdict=="invalid" and (.reason|length>0)' out
openssl x509 -in $certificate -outform DER | head -c 300 >cut.der
expect 3 'a certificate cut short' "$certpool" verify client2 cut.der
expect 1 'a certificate of a gibibyte' sh -c "truncate -s 1G huge.crt; '$certpool' verify client2 huge.crt"
expect 6 'a FIFO' sh -c "mkfifo pipe; '$certpool' verify client2 pipe"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.crt -subj '/CN=certpool Root CA' \
	-days 99 -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
issue() { # NAME ISSUER ISSUER_KEY EXTENSIONS [DAYS]: makes a certificate by openssl, of NAME.key if it is there
	[ -e "$1.key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
	openssl req -new -key "$1.key" -subj /CN=x -out "$1.csr"
	openssl x509 -req -in "$1.csr" -CA "$2" -CAkey "$3" -days "${5:-9}" -out "$1.crt" -extfile <(printf '%b' "$4") 2>/dev/null
}
leaf='basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n'
issue foreign other.crt other.key "$leaf"
expect 3 'a certificate of another root of the same name' "$certpool" verify client2 foreign.crt
expect 0 'which is valid for that root' "$certpool" verify --trusted other.crt foreign.crt
# catalogue 43: profiles, which are checked besides the chain
issue with_ca other.crt other.key "${leaf/CA:FALSE/CA:TRUE}"
expect 3 'a CA certificate as a member'\''s' "$certpool" verify --trusted other.crt with_ca.crt
says 'the rule is named' 'docs/profile.md'
issue signer other.crt other.key "${leaf/digitalSignature/digitalSignature,keyCertSign}"
expect 3 'keyCertSign in a member'\''s' "$certpool" verify --trusted other.crt signer.crt

# catalogue 125: what a certificate is for
purpose() { # EXIT_STATUS NAME EXTENDED_KEY_USAGE
	issue "$2" other.crt other.key "${leaf}extendedKeyUsage=$3\\n"
	expect "$1" "a member's certificate for $3" "$certpool" verify --trusted other.crt "$2.crt"
}
for use in anyExtendedKeyUsage clientAuth serverAuth emailProtection critical,1.3.6.1.5.5.7.3.36 critical,codeSigning,clientAuth; do
	purpose 0 for_use $use
done
purpose 3 for_use critical,codeSigning
says 'says what it is not for' 'extKeyUsage: it is for other purposes than a member'
purpose 3 responder OCSPSigning
says 'says whose it is' "an OCSP responder's"
issue address other.crt other.key "${leaf}subjectAltName=DNS:10.0.0.1\n"
expect 3 'an address as a DNS name' "$certpool" verify --trusted other.crt address.crt
says 'says how to write it' 'write "IP:10.0.0.1"'

# A chain.
issuer='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n'
issue middle other.crt other.key "$issuer"
issue end middle.crt middle.key "$leaf"
expect 3 'without its intermediate' "$certpool" verify --trusted other.crt end.crt
expect 0 'with it' "$certpool" verify --trusted other.crt --intermediates middle.crt end.crt
expect 0 'among others' sh -c "cat with_ca.crt middle.crt >chain.pem; '$certpool' verify --trusted other.crt --intermediates chain.pem end.crt"
expect 1 'too many others' sh -c "for i in 1 2 3 4 5 6; do cat middle.crt with_ca.crt other.crt; done >chain.pem; '$certpool' verify --trusted other.crt --intermediates chain.pem end.crt"
says 'says how many' 'at most 16'

# catalogue 124: the path that there is is found, whatever else is in the file, and in any order.
cp middle.crt old.crt
issue middle other.crt other.key "$issuer" 90
issue end middle.crt middle.key "$leaf" 80
later=$(date -u -d '+20 days' +%s)
for order in 'old.crt middle.crt' 'middle.crt old.crt' 'foreign.crt old.crt with_ca.crt middle.crt other.crt'; do
	# shellcheck disable=SC2016,SC2086
	expect 0 "an intermediate that was renewed: $order" sh -c 'cat $1 >chain.pem; exec "$2" verify --trusted other.crt --intermediates chain.pem --at "$3" end.crt' - "$order" "$certpool" "$later"
done
expect 3 'the old one alone' "$certpool" verify --trusted other.crt --intermediates old.crt --at "$later" end.crt
says 'says that it is expired' 'intermediate CN=x: RFC 5280 section 4\.1\.2\.5: expired'
issue narrow other.crt other.key "${issuer}extendedKeyUsage=serverAuth\n"
issue outside narrow.crt narrow.key "${leaf}extendedKeyUsage=clientAuth\n"
expect 3 'an intermediate for something else' "$certpool" verify --trusted other.crt --intermediates narrow.crt outside.crt

# A bad certificate is exit status 3 wherever it is, unless nobody needs it.
openssl req -x509 -newkey rsa:1024 -nodes -keyout weak.key -out weak.crt -subj /CN=weak 2>/dev/null
for bad in bad.crt weak.crt cut.der; do
	expect 3 "$bad as the certificate" "$certpool" verify --trusted other.crt $bad
	expect 3 "$bad as the root" "$certpool" verify --trusted $bad end.crt
	expect 3 "$bad as the chain" "$certpool" verify --trusted other.crt --intermediates $bad end.crt
	expect 0 "$bad in the chain" sh -c "cat $bad middle.crt >chain.pem; '$certpool' verify --trusted other.crt --intermediates chain.pem end.crt"
	says 'is left out' 'chain.pem: left out: certificate 1: '
done

# Online. catalogue 52: a certificate that was never issued is unknown
expect 0 'the CA stands by it' "$certpool" verify client2 $certificate --online
prints 'and says good' ': good: '
expect 0 'as JSON' "$certpool" verify client2 $certificate --online --json
equal 'JSON has the status' good "$(jq -r .status out)"
# catalogue 68: a client may ask about another's certificates
expect 0 'its own client asks too' "$certpool" verify client1 $certificate --online
expect 3 'what the CA never issued' "$certpool" verify client2 foreign.crt --online --json
equal 'is unknown' unknown "$(jq -r .status out)"
ask_record ca "delete from certificate where member = 'key3'"
expect 3 'what it signed and has no record of' "$certpool" verify client2 client1/cert/cert_key3.crt --online
says 'is unknown too' 'unknown'
# catalogue 59
ask_record ca "update certificate set revoked_at = 1800000000, reason = 1 where member = 'key2' and client = 'client1'"
expect 3 'what it has revoked' "$certpool" verify client2 client1/cert/cert_key2.crt --online
says 'says when and why' 'revoked at 2027-01-15T08:00:00Z \(keyCompromise\)'
expect 0 'offline nothing is known of that' "$certpool" verify client2 client1/cert/cert_key2.crt
# catalogue 56: the CA cannot be asked
stop "$ca"
expect 7 'the CA is gone' "$certpool" verify client2 $certificate --online
says 'says where it was sought' "${CERTPOOL_CA#http://}"
expect 3 'what is invalid anyhow needs no CA' "$certpool" verify client2 foreign.crt --online
