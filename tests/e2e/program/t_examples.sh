#!/usr/bin/env bash
# The examples of pools for vehicles, wallets and phones: each runs, and its pools do what its comments say.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
examples=$(realpath "$(dirname "$0")/../../../pki-layout/examples")
. "$(dirname "$0")/../lib.sh"

run() { # EXAMPLE: at any free ports
	sed "s|http://127.0.0.1:[0-9]*|http://$host:0|" "$examples/$1.yaml" >manifest.yaml
	expect 0 "$1.yaml" "$certpool" run
}
unused() { "$certpool" status --json | jq "select(.node == \"$1\") | .unused"; }
received() { (cd "$1/received" && printf '%s\n' *.crt); }

run v2x
equal 'each vehicle has signed by one pseudonym' 2 "$(received v2x/roadside | wc -l)"
subjects() { for file in v2x/roadside/received/*.crt; do openssl x509 -in "$file" -noout -subject; done; }
equal 'which does not name it' 0 "$(subjects | grep -c vehicle)"
# Of forty random texts chance lets none begin alike; once in a thousand runs an order is a finding.
"$certpool" pool audit --ca --json >out 2>err
equal 'the audit tells the vehicles apart by nothing' '' "$(jq -r 'select(.field != "serial") | .field' out)"
check 'and has looked at both weeks' grep -q '81 certificates' err

run wallet
equal 'each proof of age was shown once' 14 "$(unused age)"
equal 'by three members at each relying party, beside one for the address' '4 4' \
	"$(received wallet/cinema | wc -l) $(received wallet/library | wc -l)"
equal 'none of which the other one knows' '' "$({ received wallet/cinema && received wallet/library; } | sort | uniq -d)"

run phone-attestation
equal 'a phone has attested twelve keys' 8 "$(unused phone1)"
start_ca
expect 0 'keep' "$certpool" keep phone1
equal 'fills it up at 40 %' 20 "$(unused phone1)"
