#!/usr/bin/env bash
# Revocation: by the operator in each form, and by a client of its own certificates.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 12 4 >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done

serial_of() { openssl x509 -noout -serial -in "$1/cert/cert_key$2.crt" | cut -d= -f2; }
lower() { echo "${1,,}"; }
colons() { sed 's/../&:/g; s/:$//' <<<"$1"; }
on_crl() { openssl crl -in <("$certpool" crl) -noout -text | grep -q "Serial Number: ${1^^}"; }
number() { printf '%d\n' "$(openssl crl -in <("$certpool" crl) -noout -crlnumber | cut -d= -f2)"; }
revoked() { ask_record ca 'select count(*) from certificate where revoked_at is not null'; }
# The status for a client online: good, revoked or unknown.
status_of() { "$certpool" verify client2 "$1/cert/cert_key$2.crt" --online --json 2>/dev/null | jq -r .status; }
# The status for other software, by OCSP.
ocsp_of() {
	openssl ocsp -issuer ca/cert/root.crt -CAfile ca/cert/root.crt -cert "$1/cert/cert_key$2.crt" -url "$CERTPOOL_CA/ocsp" 2>/dev/null |
		sed -nE 's/^.*cert_key[0-9]+\.crt: //p'
}

# A refusal changes nothing.
expect 2 'nothing to revoke' "$certpool" revoke
says 'says what is expected' 'CLIENT/N'
expect 2 'a part of a serial' "$certpool" revoke 2b4f
says 'says how many digits there are to be' '40 hexadecimal digits, found 4'
expect 2 'a serial in decimal' "$certpool" revoke 1234567890123456789012345678901234567890123456789
says 'is not taken for one' 'found 49'
expect 2 'a serial of 42 digits' "$certpool" revoke "00$(serial_of client1 1)"
expect 4 'an unknown serial' "$certpool" revoke 0000000000000000000000000000000000000001
says 'is named' '0000000000000000000000000000000000000001'
expect 4 'an unknown serial among known ones' "$certpool" revoke client1/1 client1/2 "$(printf '%040x' 7)"
equal 'revokes none of them' 0 "$(revoked)"
expect 4 'an unknown member' "$certpool" revoke client1/99
expect 4 'an unknown client' "$certpool" revoke client7
expect 4 'an unknown file' "$certpool" revoke ./nowhere.crt
expect 2 'an unknown reason' "$certpool" revoke client1/1 --reason because
says 'the reasons are listed' 'keyCompromise.*privilegeWithdrawn'
# catalogue 60
expect 2 'a reason to un-revoke' "$certpool" revoke client1/1 --reason removeFromCRL
expect 2 'a hold' "$certpool" revoke client1/1 --reason certificateHold
expect 2 'both a query and a name' "$certpool" revoke client1/1 --client client1
expect 4 'a query for what there is not' "$certpool" revoke --subject 'CN=nobody*'
expect 2 '--all-members without --as' "$certpool" revoke --all-members
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout twin.key -out twin.crt -subj /CN=client1-1 \
	-set_serial "0x$(serial_of client1 1)" 2>/dev/null
expect 6 'another certificate with a serial of ours' "$certpool" revoke ./twin.crt
says 'says whose serial it is' 'client1/key1'
equal 'nothing of that was revoked' 0 "$(revoked)"

# An ambiguous argument is refused, and the advice in the message works.
serial=$(lower "$(serial_of client1 1)")
cp client1/cert/cert_key2.crt "$serial"
expect 2 'a serial that is a file as well' "$certpool" revoke "$serial"
says 'says both' 'the certificate of that serial.*the file \(say \./FILE\)'
expect 0 'the file' "$certpool" revoke --dry-run "./$serial"
prints 'is the one in it' "^$(lower "$(serial_of client1 2)") client1/key2: would be revoked"
expect 0 'the serial' "$certpool" revoke --dry-run "$(colons "$serial")"
prints 'is the other' "^$serial client1/key1: would be revoked"
rm "$serial"
mv client2 moved && cp moved/cert/cert_key1.crt client2
expect 2 'a client that is a file as well' "$certpool" revoke client2
says 'says both' 'the file .*the client \(say CLIENT/\)'
expect 0 'the client' "$certpool" revoke -n client2/
equal 'is its four certificates' 4 "$(grep -c 'would be revoked' out)"
rm client2 && mv moved client2
"$certpool" client add "$serial" -q >out
expect 2 'a serial that is a client as well' "$certpool" revoke "$serial"
equal 'a dry run revokes nothing' 0 "$(revoked)"

# Each form of argument. catalogue 59: right afterwards, record, CRL and status agree
expect 0 'by serial' "$certpool" revoke "0x$serial" --reason keyCompromise 2>/dev/null
prints 'says what, when and why' "^$serial client1/key1: revoked at 20[0-9T:-]+Z \(keyCompromise\)$"
prints 'and the number of the CRL' '^CRL number [0-9]+$'
equal 'which openssl reads' "$(sed -n 's/CRL number //p' out)" "$(number)"
check 'it is on the CRL' on_crl "$serial"
check 'with its reason' grep -q 'Key Compromise' <(openssl crl -in <("$certpool" crl) -noout -text)
equal 'the CA says so' revoked "$(status_of client1 1)"
equal 'of that one alone' good "$(status_of client1 2)"
equal 'to everybody' revoked "$(ocsp_of client1 1)"
equal 'of that one alone' good "$(ocsp_of client1 2)"
check 'and hands the same CRL out' cmp <(curl -s "$CERTPOOL_CA/crl") ca/cert/ca.crl
first=$(head -1 out)
expect 0 'again, an hour later' under_clock +1h "$certpool" revoke "$(serial_of client1 1)" --reason superseded
equal 'says that it was, and when, and keeps the reason' "${first/: revoked/: already revoked}" "$(head -1 out)"
expect 0 'by serial with colons, in capitals' "$certpool" revoke "$(colons "$(serial_of client1 2)")"
expect 0 'by PEM file' "$certpool" revoke client1/cert/cert_key3.crt
expect 0 'by DER file' sh -c "openssl x509 -in client1/cert/cert_key4.crt -outform DER -out four.der && '$certpool' revoke four.der"
expect 0 'by standard input' sh -c "'$certpool' revoke - <client1/cert/cert_key5.crt"
expect 0 'by member' "$certpool" revoke client1/6
expect 0 'several, and one of them twice' "$certpool" revoke client1/7 client1/key7 client1/8 "$(serial_of client1 8)" --json
equal 'as JSON, an object each' 'key7 key8' "$(jq -r 'select(.serial).member' out | xargs)"
check 'and one for all' jq -se '.[-1].revoked==2 and .[-1].already==0 and .[-1].crl_number>1' out
for member in 2 3 4 5 6 7 8; do
	check "member $member is on the CRL" on_crl "$(serial_of client1 $member)"
	equal "member $member is revoked" revoked "$(status_of client1 $member)"
	equal "member $member is revoked, to everybody" revoked "$(ocsp_of client1 $member)"
done
equal 'eight in all' 8 "$(revoked)"

# A member with two valid certificates: the record is changed to give it the second.
ask_record ca "update certificate set member = 'key1', client = 'client2' where client = 'client2' and member = 'key2'"
expect 2 'a member with two certificates' "$certpool" revoke client2/1
says 'lists them' "$(lower "$(serial_of client2 1)"), $(lower "$(serial_of client2 2)")"
expect 0 'all of them' "$certpool" revoke client2/1 --all
equal 'are two' 2 "$(grep -c ': revoked at' out)"

# What goes beyond one certificate that was named is revoked with --yes alone.
before=$(revoked)
expect 2 'a query that matches more than one' "$certpool" revoke --subject 'CN=client1-1?' --reason superseded
says 'says that nothing is done, how many it would be, and how to do it' "^certpool revoke: nothing is revoked yet: 3 certificates would be: to do it, run: certpool revoke --yes --subject 'CN=client1-1\?' --reason superseded$"
equal 'and prints them' 3 "$(grep -c 'client1/key1[0-2]: would be revoked (superseded)$' out)"
expect 2 'a whole client' "$certpool" revoke client1
says 'is named as barred' '[0-9] certificates would be, and client1 could not enroll any more: to do it, run: certpool revoke --yes client1$'
prints 'on standard output too' '^client1: could not enroll any more$'
expect 2 'the same in JSON' "$certpool" revoke client1 --json
check 'has the counts' jq -se '.[-1].would_revoke == (length - 1) and .[-1].would_bar == "client1"' out
expect 2 'the environment says no yes' env CERTPOOL_YES=1 CERTPOOL_CLIENT=client1 "$certpool" revoke client1
expect 2 'and selects nothing' env CERTPOOL_CLIENT=client1 CERTPOOL_SUBJECT='*' "$certpool" revoke
says 'to revoke' 'expected certificates to revoke'
equal 'none of that revokes anything' "$before" "$(revoked)"
check 'the client goes on' test "$("$certpool" client list --json | jq -r 'select(.client == "client1").state')" = enabled

# Queries: all given conditions must hold.
expect 0 'a query' "$certpool" revoke --yes --client client1 --subject 'CN=client1-1[01]' --issued-before "$(date -u -d +1hour +%s)"
equal 'finds what has all of it' 'key10 key11' "$(sed -n 's/.*client1.\(key[0-9]*\): revoked.*/\1/p' out | xargs)"
expect 0 'the same again' "$certpool" revoke --client client1 --subject 'CN=client1-1[01]'
says 'is told that nothing is left' 'nothing to revoke: 2 certificates match, and are revoked or expired'
expect 4 'what was issued before there was a CA' "$certpool" revoke --client client1 --issued-before 2001-01-01T00:00:00Z

expect 0 'one certificate by a query needs no yes' "$certpool" revoke --subject 'CN=client1-9' --issued-before "$(date -u -d +1hour +%s)"
prints 'is revoked' 'client1/key9: revoked at'

# Over the wire: a client revokes its own. catalogue 68
before=$(revoked)
expect 6 'the certificate of another' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 "$(serial_of client1 12)"
says 'is not its own' 'not_yours'
expect 6 'the file of another' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 client1/cert/cert_key12.crt client2/cert/cert_key3.crt
expect 6 'the member of another' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 client1/12
expect 4 'what was never issued' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 "$(printf '%040x' 7)"
says 'is told so' 'not_issued'
expect 2 'its own right to enroll' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 client2
says 'is not its to give up' 'the CA.s to take'
expect 2 'a query' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 --subject '*'
expect 4 'a member that has no certificate' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 9
expect 0 'a dry run, of one named three ways' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 3 client2/key3 "$(serial_of client2 3)" -n
equal 'is one' 1 "$(wc -l <out)"
equal 'nothing of that was revoked' "$before" "$(revoked)"
check 'but is in the log' grep -q '"event":"refused".*"by":"client2".*"type":"not_yours"' <("$certpool" audit list --json)
expect 0 'its own' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 3 --reason keyCompromise
prints 'says what, when and why' "^$(lower "$(serial_of client2 3)") client2/key3: revoked at .* \(keyCompromise\)$"
prints 'and the number of the CRL' "^CRL number $(number)$"
check 'it is on the CRL' on_crl "$(serial_of client2 3)"
equal 'the CA says so' revoked "$(status_of client2 3)"
equal 'to everybody' revoked "$(ocsp_of client2 3)"
check 'the log says by whom' grep -q '"event":"revoked".*"by":"client2"' <("$certpool" audit list --json)
expect 0 'again' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 client2/3 --json
check 'it was before' jq -se '.[0].already and .[0].reason=="keyCompromise" and .[1].already==1' out
expect 0 'all of them' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 --all-members
equal 'are four, of which one is left' 1 "$(grep -c ': revoked at' out)"

# catalogue 60: a whole client, for good
expect 0 'a whole client' "$certpool" revoke client1 --reason cessationOfOperation --yes
prints 'loses its right to enroll' '^client1: cannot enroll any more$'
equal 'and what it has left' 1 "$(grep -c ': revoked at' out)"
expect 0 'its pool is no larger' "$certpool" enroll client1 -q
rm client1/cert/cert_key9.crt
expect 6 'a key of it is not certified again' "$certpool" enroll client1
says 'its key is revoked' 'revoked'
rm client1/cert/cert_key9.crt client1/Private/private_key9.key client1/CSR_file/csr_key9.csr 2>/dev/null
"$certpool" request client1 -q >out
expect 6 'a new key of it is not certified' "$certpool" enroll client1
says 'the client is told why' 'revoked'
expect 6 'it cannot be enabled' "$certpool" client enable client1
says 'because that is for good' 'for good'
expect 0 'again' "$certpool" revoke client1
prints 'says so' 'was revoked before'
# A request by another client for the revoked client's key.
mkdir -p client2/CSR_file && cp client1/Private/private_key10.key client2/Private/private_key4.key
rm client2/CSR_file/csr_key4.csr client2/cert/cert_key4.crt
"$certpool" request client2 -q >out
expect 5 'nor is its key for another client' "$certpool" enroll client2
says 'the key is taken' 'key_taken'

# Without the key there is no CRL, but the revocations stay.
stop "$ca"
expect 0 'a last client' "$certpool" client add client3
ask_record ca "update certificate set client = 'client3', revoked_at = null, reason = null where member = 'key12'"
mv ca/Private/root.key root.key
expect 1 'without the CA'\''s key' "$certpool" revoke client3 --yes
prints 'it is revoked' 'client3/key12: revoked at'
says 'and there is no CRL' 'the revocation stays, but the CRL could not be made'
mv root.key ca/Private/root.key
expect 0 'later there is one' "$certpool" crl -o later.crl
check 'with it' grep -qFe "$(serial_of client1 12)" <(openssl crl -in later.crl -noout -text)
