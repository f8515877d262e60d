#!/usr/bin/env bash
# Looking certificates up in the CA's CRL: verify --crl, receive --crl.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 4 1 >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done
root=client2/cert/root.crt
member() { echo "client1/cert/cert_key$1.crt"; }
verify() { "$certpool" verify client2 "$@"; }

"$certpool" crl --der >before.crl
"$certpool" crl >before.pem
"$certpool" revoke client1/1 --reason keyCompromise -q >out
"$certpool" crl --der >after.crl

expect 0 'a certificate that is not on the CRL' verify "$(member 2)" --crl after.crl
prints 'is good' '^client1/cert/cert_key2.crt: good: CN=client1-2, valid until 20'
expect 3 'one that is' verify "$(member 1)" --crl after.crl
says 'is revoked, and it is said when and why' 'CRL number [0-9]+: the certificate was revoked at 20..-..-..T..:..:..Z \(keyCompromise\)'
expect 0 'by the CRL before it is good' verify "$(member 1)" --crl before.crl
expect 0 'in PEM as well' verify "$(member 1)" --crl before.pem
expect 3 'without a client' "$certpool" verify --trusted $root "$(member 1)" --crl after.crl
expect 3 'the environment names it as well' env CERTPOOL_CRL=after.crl "$certpool" verify client2 "$(member 1)"
expect 3 'from the CA' verify "$(member 1)" --crl "$endpoint/crl"
expect 0 'and the others' verify "$(member 2)" --crl "$endpoint/crl"
expect 3 'together with the CA itself' verify "$(member 1)" --crl "$endpoint/crl" --online

expect 3 'as JSON: revoked' verify "$(member 1)" --crl after.crl --json
check 'with all that is known' jq -e '.verdict == "invalid" and .revocation == "revoked" and .revocation_reason == "keyCompromise"
	and (.revoked_at | fromdate > 0) and (.crl_number | tonumber > 0) and (.crl_next_update | fromdate > now)' out
expect 0 'as JSON: good' verify "$(member 2)" --crl after.crl --json
check 'says so' jq -e '.verdict == "valid" and .revocation == "good" and (has("revoked_at") | not)' out

# catalogue 56, 58: without a usable CRL no certificate is good.
cannot_tell() {
	local name=$1 pattern=$2
	shift 2
	expect 7 "$name" verify "$(member 2)" --crl "$@"
	says "$name: it cannot be told" 'cannot tell whether the certificate is revoked'
	says "$name: why" "$pattern"
	says "$name: and what to do" 'try again'
}
cannot_tell 'no file' 'nowhere.crl' nowhere.crl
cannot_tell 'a file that is no CRL' 'neither DER nor PEM' manifest.yaml
cannot_tell 'a certificate' 'PEM' $root
head -c 150 after.crl >cut.crl
cannot_tell 'a CRL cut short' 'not DER' cut.crl
# The last octet is another one, whatever it was.
{ head -c -1 after.crl && tail -c 1 after.crl | tr '\0-\376\377' '\1-\377\0'; } >changed.crl
check_not 'a changed octet' cmp after.crl changed.crl
cannot_tell 'another signature' 'signature' changed.crl
cannot_tell 'a CRL that is out of date' 'out of date' after.crl --at "$(date -u -d '+30 days' +%s)"
cannot_tell 'nobody listens' 'nobody listens' http://127.0.0.1:1/crl
cannot_tell 'no CRL at the URL' 'answered 404' "$endpoint/nothing"
cannot_tell 'something else at the URL' 'PEM' "$endpoint/root.crt"
mkdir other
cp manifest.yaml other
own_record other/manifest.yaml other
(cd other && "$certpool" init -q && "$certpool" crl --der >other.crl) >out 2>&1
cannot_tell 'the CRL of another CA' 'signature|another' other/other.crl
expect 7 'as JSON: unknown' verify "$(member 2)" --crl nowhere.crl --json
check 'is neither valid nor invalid' jq -e '.verdict == "unknown" and .revocation == "unknown" and (.reason | length > 0)' out
expect 2 'a URL of another kind' verify "$(member 2)" --crl ftp://127.0.0.1/crl
says 'says which there are' 'http://HOST'
expect 3 'what is invalid needs no CRL' "$certpool" verify --trusted other/ca/cert/root.crt "$(member 2)" --crl nowhere.crl

# A receiver notices that its file has changed.
cp before.crl current.crl
start_receiver client2 --crl current.crl
send() { "$certpool" send client1 client2 --endpoint "$inbox" --member "$@"; }
expect 0 'a message under the CRL before' send 1 one
cp after.crl new.crl && mv new.crl current.crl
expect 3 'a message under the CRL after' send 1 two
says 'is refused, with the reason' 'CRL number [0-9]+: the certificate was revoked at .* \(keyCompromise\)'
expect 0 'another member' send 2 three
# catalogue 58: neither an older CRL nor a missing one undoes the revocation
cp before.crl new.crl && mv new.crl current.crl
expect 3 'the older CRL again' send 1 four
rm current.crl
expect 3 'no CRL' send 1 five
expect 0 'another member still' send 2 six
equal 'what arrived' 'one three six' "$(tr '\n' ' ' <receive.out | sed 's/ $//')"
stop "$receiver"

start_receiver client2 --crl "$CERTPOOL_CA/crl"
expect 3 'by the CRL of the CA' send 1 seven
says 'revoked' 'was revoked at'
expect 0 'another member, by the CRL of the CA' send 3 eight
stop "$receiver"
start_receiver client2 --crl nowhere.crl
expect 3 'a receiver without its CRL' send 2 nine
says 'takes nothing' 'cannot tell whether the certificate is revoked'
"$certpool" crl --der >nowhere.crl
expect 0 'until the CRL is there' send 2 ten
stop "$receiver"
expect 2 'receive: a URL of another kind' "$certpool" receive client2 --listen "http://$host:0" --crl ftp://127.0.0.1/crl
