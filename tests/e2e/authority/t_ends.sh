#!/usr/bin/env bash
# The ends of the CA's certificates are seen coming: in status, metrics, health, check and the log.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# at DAYS COMMAND…: twelve hours before so many days from now; so no count of days depends on seconds.
at() { under_clock $(($1 * 86400 - 43200)) "${@:2}"; }
warnings() { curl -s "$CERTPOOL_CA/health" | jq -r '.warnings[]'; }
metric() { curl -s "$CERTPOOL_CA/metrics" | sed -n "s/^certpool_ca_not_after_timestamp_seconds{certificate=\"$1\"} //p"; }
end_of() { date -d "$(openssl x509 -in "$1" -noout -enddate | sed 's/^notAfter=//')" +%s; }
# serve_at DAYS: a CA whose clock says so, and can be set.
serve_at() {
	set_clock "$1"
	ahead_by "$PWD/clock"
	start_ca
	launcher=()
}
set_clock() { move_clock clock $(($1 * 86400 - 43200)); }
logged() { [ "$(grep -cFe "$1" serve.err)" -eq "$2" ]; }

# An issuing certificate for a year below a root for three.
manifest 3 1 | sed 's|layout: ca,|layout: ca, root_layout: stick, validity: 1095d, intermediate: {validity: 365d}, root_crl: {validity: 1200d},|' >manifest.yaml
"$certpool" init -q >out 2>err
"$certpool" request client1 -q >out

expect 0 'a young CA' "$certpool" status
prints 'says when its certificate ends' "issuing certificate's expiry 20"
prints 'and its root' "root's expiry 20"
check_not 'without a warning' grep warning out
"$certpool" crl -o crl.pem -q
expect 0 'nor does check warn' "$certpool" check
check_not 'of anything' grep warning err

serve_at 304
equal 'the metrics have the end of the issuing certificate' "$(end_of ca/cert/ca.crt)" "$(metric issuing)"
equal 'and of the root' "$(end_of stick/cert/root.crt)" "$(metric root)"
soon='the issuing certificate ends in 61 days: certpool rotate ca'
cut='new certificates of members are cut short by that: they last 61 days instead of 90 days'
equal 'in the last third of its life health warns of it' "$soon"$'\n'"$cut" "$(warnings)"
equal 'and is well' 200 "$(curl -s -o body -w '%{http_code}' "$CERTPOOL_CA/health")"
check 'the log has it' eventually logged " /ca.crt: $soon" 1
check 'and that members are cut short' eventually logged " /ca.crt: $cut" 1
expect 0 'status' at 304 "$certpool" status
prints 'has it' "^  warning: $soon"
prints 'all of it' "^  warning: $cut"
expect 0 'status in JSON' at 304 "$certpool" status --json
equal 'as well' "$soon"$'\n'"$cut" "$(jq -r 'select(.node == "ca").warnings[]' out)"
equal 'with the end' "$(end_of ca/cert/ca.crt)" "$(jq -r 'select(.node == "ca").issuing_expiry | fromdate' out)"
expect 0 'check' at 304 "$certpool" check
says 'warns' "^certpool check: ca: warning: $soon"
expect 0 'check in JSON' at 304 "$certpool" check --json
equal 'has warnings' "$soon"$'\n'"$cut" "$(jq -r 'select(.warning).warning' out)"
equal 'that are no findings' 0 "$(jq -r 'select(has("findings")).findings' out)"
expect 0 'a client that enrolls now' at 304 "$certpool" enroll client1
says 'is told that its certificates are short' '^certpool enroll: client1: 3 of the certificates end at 20.* together with the certificate of the CA, which cuts them short'
equal 'as they are' "$(end_of ca/cert/ca.crt)" "$(end_of client1/cert/cert_key1.crt)"
expect 0 'renewing' at 304 "$certpool" renew client1 --all --json
equal 'says so too' 3 "$(jq .cut_short out)"
set_clock 306
soon='the issuing certificate ends in 59 days: certpool rotate ca'
check 'the log says it again the next day' eventually logged " /ca.crt: $soon" 1
stop "$ca"

# A root that issues itself.
manifest 3 1 | sed 's|layout: ca,|layout: alone, validity: 300d,|' >manifest.yaml
own_record manifest.yaml alone
rm -rf client1 client2
"$certpool" init -q >out 2>err
"$certpool" request client1 -q >out
serve_at 150
equal 'a root in its middle age is no warning' '' "$(warnings)"
expect 0 'a client that enrolls' at 150 "$certpool" enroll client1
check_not 'is told nothing' grep short err
stop "$ca"
serve_at 205
equal 'in its last third it is one' 'the root ends in 95 days: certpool rotate root' "$(warnings)"
equal 'both metrics are the same' "$(metric root)" "$(metric issuing)"
stop "$ca"
