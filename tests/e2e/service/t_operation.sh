#!/usr/bin/env bash
# Operating a CA: GET /health, /metrics and /crl, SIGHUP, the request rate, SIGTERM, as a service.
packaging=$(realpath "$(dirname "$0")/../../../packaging")
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

manifest 4 2 >manifest.yaml
"$certpool" init -q >out
start_ca
for client in client1 client2; do
	"$certpool" request $client -q >out && "$certpool" enroll $client -q >out
done

# ask PATH [CURL'S OPTIONS…]: writes the body to body and the head to head, and prints the status.
ask() {
	local path=$1
	shift
	rm -f body
	curl -s -D head -o body -w '%{http_code}' "$@" "$CERTPOOL_CA$path"
}
# field NAME: prints a field of the last answer's head.
field() { sed -n "s/^$1: \(.*\)\r$/\1/ip" head; }
# metric LINE: checks that the metrics have this line.
metric() { grep -qxF -- "$1" <(curl -s "$CERTPOOL_CA/metrics"); }
logged() { grep -qE -- "$1" serve.err; }

equal 'a CA that is well' 200 "$(ask /health)"
equal 'says so' '{"status":"ok","reasons":[],"warnings":[]}' "$(cat body)"
equal 'in JSON' application/json "$(field content-type)"

equal 'metrics' 200 "$(ask /metrics)"
equal 'in the text format of Prometheus' 'text/plain; version=0.0.4' "$(field content-type)"
equal 'every line is a comment or a sample' 0 "$(grep -cvE '^(# (HELP|TYPE) certpool_[a-z_]+ .+|certpool_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9]+(\.[0-9]+)?)$' body)"
equal 'every sample has its TYPE before it, once' '' "$(awk '
	$1 == "#" && $2 == "TYPE" { if (seen[$3]++) print; next }
	$1 != "#" { name = $1; sub(/\{.*/, "", name); base = name; sub(/_(bucket|sum|count)$/, "", base)
		if (!(name in seen) && !(base in seen)) print }' body)"
if command -v promtool >/dev/null; then
	check 'promtool finds no fault' promtool check metrics <body
fi
check 'the certificates are counted' eventually metric 'certpool_certificates{status="valid"} 6'
check 'the version' metric "certpool_build_info{version=\"$("$certpool" --version | cut -d' ' -f2)\"} 1"
check 'the number of the CRL' metric 'certpool_crl_number 1'
# The CA counts an answer after sending it, which may be after the client has read it.
check 'the requests' eventually metric 'certpool_http_requests_total{method="POST",path="/v1/certificates",class="2x"} 2'
equal 'one for what there is not' 404 "$(ask /no-such-thing)"
check 'is counted as other' eventually metric 'certpool_http_requests_total{method="",path="other",class="4x"} 1'
curl -s "$CERTPOOL_CA/metrics" >body
equal 'a histogram ends with all' \
	"$(sed -n 's/^certpool_http_request_duration_seconds_count{method="POST",path="\/v1\/certificates"} //p' body)" \
	"$(sed -n 's/^certpool_http_request_duration_seconds_bucket{method="POST",path="\/v1\/certificates",le="+Inf"} //p' body)"

# catalogue 59: the CRL is up to date right after each revocation.
equal 'the CRL' 200 "$(ask /crl)"
equal 'its type' application/pkix-crl "$(field content-type)"
tag=$(field etag)
check 'how long it may be kept' grep -qE '^max-age=(300|299), public' <(field cache-control)
check 'when it was made' date -d "$(field last-modified)"
equal 'who has it is spared' 304 "$(ask /crl -H "If-None-Match: $tag")"
check 'with no second copy' test ! -s body
equal 'the same by HEAD' 200 "$(ask /crl -I)"
equal 'with its tag' "$tag" "$(field etag)"
missing=0
for i in 1 2 3; do
	serial=$("$certpool" revoke client1/$i --json | jq -r 'select(.serial).serial')
	openssl crl -inform DER -noout -text -in <(curl -s "$CERTPOOL_CA/crl") | grep -qiFe "$serial" || missing=$((missing + 1))
done
equal 'what was revoked just now is on it, each time' 0 $missing
equal 'who has an older one gets this' 200 "$(ask /crl -H "If-None-Match: $tag")"
check 'the metrics follow' eventually metric 'certpool_certificates{status="revoked"} 3'
check 'and count them' eventually metric 'certpool_revocations_total 3'
issued=$(curl -s "$CERTPOOL_CA/metrics" | sed -n 's/^certpool_certificates_issued_total //p')
"$certpool" renew client2 --all -q >out 2>err
check 'and what is issued' eventually metric "certpool_certificates_issued_total $((issued + 2))"
check 'with the number' eventually metric 'certpool_crl_number 4'

# reload PATTERN: sends SIGHUP, and waits for the pattern in the log.
reload() {
	local lines
	lines=$(wc -l <serve.err)
	kill -HUP "$ca"
	eventually eval "tail -n +$((lines + 1)) serve.err | grep -qE -- '$1'"
}
cp manifest.yaml first.yaml
sed '/^ca:/s|endpoint: "[^"]*"}|endpoint: "http://127.0.0.1:1", free_space: 1000, crl: {validity: 2h}}|' first.yaml >manifest.yaml
check 'SIGHUP says what it does not take over' reload 'SIGHUP: manifest.yaml: changed, and not taken over: ca.endpoint, ca.listen, ca.crl.validity, ca.free_space: stop'
cp first.yaml manifest.yaml
lines=$(wc -l <serve.err)
check 'SIGHUP with nothing new' reload 'SIGHUP: manifest.yaml: clients: 0 added, 0 changed'
check_not 'has nothing to say of that' eval "tail -n +$((lines + 1)) serve.err | grep -q 'not taken over'"
sed 's/client1: {pool: {size: 4}}/client1: {pool: {size: 4}, policy: {certificates: 777}}/' first.yaml >manifest.yaml
echo '  client3: {}' >>manifest.yaml
check 'SIGHUP with a client and a policy more' reload '1 added, 1 changed'
equal 'the policy holds' 777 "$("$certpool" client show client1 --json | jq .certificates)"
expect 0 'the client is there' "$certpool" client show client3
"$certpool" client set client1 --certificates 5 -q
check 'SIGHUP does not undo what the operator changed' reload '0 added, 0 changed, 1 left'
equal 'that stands' 5 "$("$certpool" client show client1 --json | jq .certificates)"
echo '  client4: {pool: {size: none}}' >>manifest.yaml
check 'SIGHUP with a manifest that is wrong says where' reload 'SIGHUP: manifest.yaml:[0-9]+:[0-9]+: .*nothing has changed'
sed 's/layout: ca/layout: elsewhere/' first.yaml >manifest.yaml
check 'SIGHUP with another CA is refused' reload 'expected the CA that is served'
rm manifest.yaml
check 'SIGHUP without a manifest is refused' reload 'manifest.yaml.*nothing has changed'
equal 'and the CA goes on' 200 "$(ask /health)"
cp first.yaml manifest.yaml

# catalogue 117: a client that the manifest lacks is disabled; one of client add is not.
"$certpool" client add byhand -q >out
"$certpool" client set client2 --certificates 60 -q >out
sed '/client2/d' first.yaml >manifest.yaml
check 'SIGHUP without a client of the manifest says so' reload '2 clients are disabled: manifest.yaml does not have them any more'
equal 'it is disabled, though its policy was set' disabled "$("$certpool" client show client2 --json | jq -r .state)"
check 'the file by which a restore keeps it out has it' eventually grep -qx client2 ca/state/barred
equal 'one that was added is not' enabled "$("$certpool" client show byhand --json | jq -r .state)"
cp first.yaml manifest.yaml
"$certpool" renew client2 --all -q >out 2>err
equal 'it gets no certificates' 6 $?
says 'and is told why' 'disabled the client "client2"'
check 'the audit log has it' sh -c "'$certpool' audit list --json | grep -q '\"client\":\"client2\",\"type\":\"disabled\",\"detail\":\"no longer in the manifest\"'"
check 'SIGHUP with it again leaves it disabled' reload '1 client is in manifest.yaml again and still disabled'
"$certpool" client enable client2 -q >out
sed '/client2/d' first.yaml >manifest.yaml
stop "$ca"
start_ca
equal 'a start disables it too' disabled "$("$certpool" client show client2 --json | jq -r .state)"
check 'and says so' logged '1 client is disabled'
cp first.yaml manifest.yaml
check 'SIGHUP with the first manifest' reload '0 added, 0 changed'
"$certpool" client enable client2 -q >out

# catalogue 91: the refusal names the rule and the time to try again; enroll waits and retries.
"$certpool" client set client2 --requests-per-minute 1 -q
# The client's earlier requests have filled a part of the bucket, or none.
"$certpool" revoke --ca "$CERTPOOL_CA" --as client2 1 -q >out 2>err
expect 7 'a client that asks too often is refused, for now' "$certpool" revoke --ca "$CERTPOOL_CA" --as client2 1
says 'with the rule, and when to try again' 'client2 may make 1 request a minute \(requests_per_minute\): try again in [0-9]+ s'
check 'which is logged' logged 'client2: rate: '
rate_counted() { metric "certpool_refusals_total{type=\"rate\"} $(grep -c 'client2: rate: ' serve.err)"; }
check 'and counted' eventually rate_counted
refusals=$(grep -c 'client2: rate: ' serve.err)
rm client2/cert/cert_key2.crt
"$certpool" enroll client2 >enroll.out 2>enroll.err &
enroll=$!
refused_again() { [ "$(grep -c 'client2: rate: ' serve.err)" -gt "$refusals" ]; }
check 'enroll is told the same' eventually refused_again
"$certpool" client set client2 --requests-per-minute 6000 -q
status=0
wait $enroll || status=$?
equal 'and asks until it may' '0 client2: saved 1 certificate; 1 was there; 0 refused' "$status $(cat enroll.out)"
expect 0 'nobody else has to wait' "$certpool" revoke --ca "$CERTPOOL_CA" --as client1 4

# catalogue 86: every opened descriptor is closed.
if [ -r "/proc/$ca/fd" ] && ls "/proc/$ca/fd" >/dev/null 2>&1; then
	before=$(find "/proc/$ca/fd" -mindepth 1 | wc -l)
	seq 200 | xargs -P 8 -I {} curl -s -o /dev/null "$CERTPOOL_CA/metrics" -o /dev/null "$CERTPOOL_CA/crl" \
		-o /dev/null "$CERTPOOL_CA/health"
	no_more_open() { [ "$(find "/proc/$ca/fd" -mindepth 1 | wc -l)" -le "$before" ]; }
	check 'after 600 requests no descriptor more is open' eventually no_more_open
else
	skip 'no descriptor more is open after many requests' 'this needs root'
fi

# catalogue 79: when the record fails, /health names that part, and no more.
# The CA still has the deleted log open, and saves its content when it is stopped.
"$certpool" list --json >listed
rm ca/state/ca.db-wal
"$certpool" enroll client1 -q >out 2>err
rm client1/cert/cert_key1.crt
"$certpool" enroll client1 -q >out 2>err
equal 'a CA that is ill' 503 "$(ask /health)"
equal 'says which parts' '{"status":"failed","reasons":["store","crl"],"warnings":[]}' "$(cat body)"
check 'the log says why' logged 'GET /health: 503: .*/state/ca\.db'
equal 'the CRL is not given then' 500 "$(ask /crl)"
equal 'and why is for the log alone' 0 "$(grep -c ca.db body)"

# catalogue 77: an idle connection does not delay the CA's end.
exec 9<>"/dev/tcp/$host/${CERTPOOL_CA##*:}"
stop "$ca"
exec 9>&-
equal 'SIGTERM: exit status 0' 0 "$stopped"
start_ca
equal 'started again it is well' 200 "$(ask /health)"
"$certpool" list --json >listed_again
check 'and has all that it had issued' cmp listed listed_again
stop "$ca"
equal 'the log of events has its beginnings and ends' 'started stopped' \
	"$("$certpool" audit list --json | jq -r .event | grep -E 'started|stopped' | tail -n 2 | xargs)"

# As a service: a datagram notifies the service manager when the CA serves, and when it stops.
if command -v python3 >/dev/null; then
	python3 - "$certpool" >out 2>err <<'END'
import os, signal, socket, subprocess, sys
for name in ("notify", "\0certpool-%d" % os.getpid()):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(name)
    manager.settimeout(300)
    path = os.path.abspath(name) if name[0] != "\0" else "@" + name[1:]
    server = subprocess.Popen([sys.argv[1], "serve", "-q"], env=dict(os.environ, NOTIFY_SOCKET=path))
    print(manager.recv(100).decode())
    server.send_signal(signal.SIGTERM)
    print(manager.recv(100).decode(), server.wait())
END
	equal 'the service manager is told' 'READY=1 STOPPING=1 0 READY=1 STOPPING=1 0' "$(xargs <out)"
else
	skip 'the service manager is told' 'there is no python3'
fi
expect 4 'a service manager that is not there' env NOTIFY_SOCKET="$folder/nobody" timeout 300 "$certpool" serve
says 'is named' 'the service manager at /.*/nobody cannot be notified'

if command -v systemd-analyze >/dev/null; then
	mkdir units
	for unit in "$packaging"/*.service "$packaging"/*.timer; do
		sed -e "s|/usr/local/bin/certpool|$certpool|" -e '/^Documentation/d' "$unit" >"units/$(basename "$unit")"
	done
	cp units/certpool-keep@.service units/certpool-keep@client1.service
	cp units/certpool-keep@.timer units/certpool-keep@client1.timer
	for unit in certpool-ca.service certpool-keep@client1.service certpool-keep@client1.timer; do
		systemd-analyze verify "units/$unit" >verify.log 2>&1
		equal "systemd finds no fault with $unit" '' "$(grep -F certpool verify.log)"
	done
	for unit in certpool-ca.service certpool-keep@client1.service; do
		check "$unit may do little" systemd-analyze security --offline=true --threshold=20 "units/$unit"
	done
else
	skip 'systemd takes the units' 'there is no systemd-analyze'
fi

# What serve's processes give up by themselves, systemd 252 has in no group of system calls: the unit has to
# allow it, or they do not start.
allowed=" $(sed -n 's/^SystemCallFilter=\([^~@].*\)/\1/p' "$packaging/certpool-ca.service" | tr '\n' ' ') "
for call in landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp; do
	check "the unit allows $call" grep -q " $call " <<<"$allowed"
done
