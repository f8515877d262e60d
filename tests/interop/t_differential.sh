#!/usr/bin/env bash
# What certpool takes of thousands of changed certificates, CRLs and OCSP answers, GnuTLS and openssl
# take too. differential.c makes them, asks certpool and GnuTLS, and writes what certpool takes.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

at=(-attime 1790000000)
strict=(-x509_strict "${at[@]}" -CAfile objects/root-0000.crt)

# No difference is meant: an exception would be listed here with its reason, and left out of `refused`.
expect_none() { # NAME: `refused` has a line for each object that openssl does not take
	if [ -s refused ]; then fail "$1" "$(head refused)"; else pass "$1"; fi
}

program=$(dirname "$certpool")/tests/interop/differential
check 'GnuTLS takes what certpool takes' "$program" objects
sed 's/^/# /' check.log

# Chains: in one call where the intermediate is the unchanged one.
plain=()
changed=()
for file in objects/chain-*.crt; do
	if [ -e "${file%.crt}.issuing" ]; then changed+=("$file"); else plain+=("$file"); fi
done
openssl verify "${strict[@]}" -untrusted objects/issuing-0000.crt "${plain[@]}" >taken 2>refused
for file in "${changed[@]}"; do
	openssl verify "${strict[@]}" -untrusted "${file%.crt}.issuing" "$file" >>taken 2>>refused
done
expect_none 'openssl takes the chains that certpool takes'
equal 'all of them' $((${#plain[@]} + ${#changed[@]})) "$(grep -c ': OK$' taken)"

# CRLs: under those that do not revoke it, a certificate stands.
stands() { # CERTIFICATE CRL…
	local certificate=$1 crl
	shift
	for crl in "$@"; do
		openssl verify "${strict[@]}" -crl_check -CRLfile "$crl" "objects/$certificate-0000.crt" >>taken 2>problem ||
			echo "$crl: $(tr '\n' ' ' <problem)" >>refused
	done
}
: >refused
crls=(objects/crl-*.crl)
stands standing objects/crl-standing-*.crl objects/crl-both-*.crl
stands revoked objects/crl-both-*.crl
expect_none 'openssl takes the CRLs that certpool takes'

# OCSP answers. Their time was checked by certpool: openssl ocsp has no -attime for it.
: >refused
answers=(objects/ocsp-*.der)
for file in "${answers[@]}"; do
	status=${file#objects/ocsp-}
	openssl ocsp -respin "$file" -issuer objects/root-0000.crt -cert objects/standing-0000.crt -no_nonce \
		-CAfile objects/root-0000.crt "${at[@]}" -validity_period 4000000000 >answer 2>problem
	grep -q "standing-0000.crt: ${status%-*}" answer && grep -qx 'Response verify OK' problem ||
		echo "$file: $(tr '\n' ' ' <answer) $(tr '\n' ' ' <problem)" >>refused
done
expect_none 'openssl takes the OCSP answers that certpool takes'
echo "# asked openssl about ${#plain[@]} chains, ${#changed[@]} with another intermediate, ${#crls[@]} CRLs, ${#answers[@]} OCSP answers"

# Enough is left for the test to mean something.
for least in "chain-*.crt 300" "crl-*.crl 80" "ocsp-*.der 60"; do
	count=$(find objects -name "${least% *}" | wc -l)
	check "at least ${least#* } of ${least% *}" test "$count" -ge "${least#* }"
done
