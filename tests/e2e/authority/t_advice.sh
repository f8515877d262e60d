#!/usr/bin/env bash
# A lost file has one cause and one advice, whichever verb meets it; and the advice works.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# deployment ROOT: a CA, with its root apart if there is a name for that directory, that has issued and
# published, and whose backup is b.tar.
deployment() {
	rm -rf ca root client1 client2 b.tar
	manifest 4 1 >manifest.yaml
	[ -z "$1" ] || sed -i "s/ca: {/ca: {root_layout: $1, /" manifest.yaml
	"$certpool" init -q >out 2>err
	start_ca
	"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
	stop "$ca"
	echo 'a passphrase of some length' >backup.pass
	chmod 600 backup.pass
	"$certpool" backup b.tar --passphrase-file backup.pass -q >out
}

# The verbs that need the lost file: each says the advice, and check has one finding.
advise() { # NAME ADVICE VERB…
	local name=$1 advice=$2 verb
	shift 2
	for verb; do
		# shellcheck disable=SC2086
		if timeout 300 "$certpool" $verb >out 2>err; then
			fail "$name: $verb" 'expected it to fail'
		else
			says "$name: $verb" "$advice"
		fi
	done
	expect 1 "$name: check" "$certpool" check
	equal "$name: check has one finding" 1 "$(wc -l <out)"
	prints "$name: which says the same" "$advice"
}
works() { # NAME
	expect 0 "$1: check" "$certpool" check
	start_ca
	"$certpool" request client2 -q >out
	expect 0 "$1: the CA issues" "$certpool" enroll client2 -q
	stop "$ca"
	rm -r client2/CSR_file/* client2/Private/private_key* client2/cert/cert_key*
}

listen="http://$host:0"
for root in '' root; do
	kind=${root:+a root apart}
	kind=${kind:-a root alone}
	deployment "$root"
	certificate=${root:+ca.crt}
	certificate=${certificate:-root.crt}

	rm ca/cert/"$certificate"
	advise "$kind, $certificate lost" "ca/cert/$certificate: expected .*, found none: put it back: every client has it as cert/$certificate, and every backup$" \
		"serve --listen $listen" init 'crl --renew' 'sign client1/CSR_file --client client1'
	cp client1/cert/"$certificate" ca/cert/
	works "$kind, $certificate put back from a client"
	rm ca/cert/"$certificate"
	tar -xf b.tar -C ca cert/"$certificate"
	works "$kind, $certificate put back from a backup"

	key=${certificate%.crt}.key
	: >ca/Private/"$key"
	chmod 600 ca/Private/"$key"
	advise "$kind, $key emptied" "ca/Private/$key: expected the private key, found an empty file: put it back from a backup: certpool restore, in another directory, makes Private/$key$" \
		"serve --listen $listen" init 'crl --renew' 'sign client1/CSR_file --client client1'
	rm ca/Private/"$key"
	advise "$kind, $key lost" "put it back from a backup: certpool restore, in another directory, makes Private/$key$" \
		"serve --listen $listen" init 'crl --renew' 'sign client1/CSR_file --client client1'
	rm -rf elsewhere && mkdir elsewhere && tar -xf b.tar -C elsewhere manifest.yaml
	expect 0 "$kind, restore in another directory" sh -c "cd elsewhere && '$certpool' restore ../b.tar --passphrase-file ../backup.pass"
	cp -p elsewhere/ca/Private/"$key" ca/Private/
	works "$kind, $key put back"
done

# The copy of a root that lies apart: init puts it back and says so while the root's layout is there, and a
# client's copy is as good.
rm ca/cert/root.crt
advise 'the copy of the root lost' 'ca/cert/root.crt: expected .*, found none: put it back: every client has it as cert/root.crt, and every backup$' "serve --listen $listen" 'crl --chain'
expect 0 'init with the root at hand' "$certpool" init
prints 'puts it back' '^ca: put back the root from root$'
works 'the copy of the root put back by init'
rm ca/cert/root.crt
cp client1/cert/root.crt ca/cert/
works 'the copy of the root put back from a client'
