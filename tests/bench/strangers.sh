#!/usr/bin/env bash
# What strangers and many clients can cost the CA: each figure, and beside it the bound that it should keep.
#
#   tests/bench/strangers.sh FOLDER     (`make load` installs, builds, and calls it)
#
# Prints one table, and leaves it in FOLDER/table.txt with the CA's files and log. LOAD_SIZE=quick does less.
# Everything is on this machine: the attackers take their share of its cores, too.
set -eu
export LC_ALL=C no_proxy='*'

[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
die() {
	echo "load: $1" >&2
	exit 1
}
case ${LOAD_SIZE:-full} in
full) clients=50 pool=1000 revoked=20000 ;;
quick) clients=50 pool=100 revoked=2000 ;;
*) die "LOAD_SIZE: expected full or quick, found $LOAD_SIZE" ;;
esac
nat=80
certpool=$(realpath -e "${CERTPOOL:-build/certpool}") || die 'certpool is not built: run make load'
programs=$(realpath -e "${PROGRAMS:-build/tests/bench}") || die 'its programs are not built: run make load'
for variable in $(compgen -e CERTPOOL_); do unset "$variable"; done
ulimit -n 12000 2>/dev/null || die 'expected a limit of 12,000 open files: run it as root'
mkdir -p "$1"
folder=$(mktemp -d "$(realpath "$1")/run-$(date -u +%Y%m%dT%H%M%S).XXX")
table=$(realpath "$1")/table.txt
cd "$folder"

ca=
holder=
finish() {
	[ -z "$holder" ] || kill "$holder" 2>/dev/null || true
	[ -z "$ca" ] || kill "$ca" 2>/dev/null || true
	wait
}
trap finish EXIT

# row FIGURE FOUND BOUND
row() { printf '%-72s %12s %12s\n' "$1" "$2" "$3" | tee -a "$table"; }
since() { awk -v begun="$1" -v now="$(date +%s.%N)" 'BEGIN { printf "%.2f s", now - begun }'; }

# start_ca HOST [OPTIONS…]: sets $ca and $url, whose scheme is $scheme.
scheme=http
start_ca() {
	local host=$1
	shift
	rm -f ready
	mkfifo ready
	"$certpool" serve --listen "$scheme://$host:0" --ready 7 "$@" 7>ready >>serve.out 2>>serve.err &
	ca=$!
	read -r -t 60 url <ready || die 'the CA does not start: see serve.err'
	export CERTPOOL_CA=$url
}
stop_ca() {
	kill "$ca"
	wait "$ca" || true
	ca=
}
metric() { curl -s --cacert ca/cert/root.crt "$url/metrics" | sed -n "s/^certpool_$1 //p"; }
status() { sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$ca/status"; }
# Of all TCP connections of this network namespace, in MB.
kernel_mb() { awk '/^TCP:/ { for (i = 1; i < NF; i++) if ($i == "mem") print int($(i + 1) * 4096 / 1048576) }' /proc/net/sockstat; }
megabytes() { echo "$(($1 / 1024)) MB"; }

# hold OPTIONS…: keeps connections open until let_go.
hold() {
	rm -f held end
	mkfifo held end
	"$programs/hold" "$@" "$url/" <end >held &
	holder=$!
	exec 5>end 6<held
	read -r -t 120 _ <&6 || die 'the connections cannot be opened'
}
let_go() {
	exec 5>&-
	cat <&6 >held.json
	exec 6<&-
	wait "$holder" || true
	holder=
}
addresses() { # FIRST LAST
	for i in $(seq "$1" "$2"); do printf -- '--from 127.9.9.%d ' "$i"; done
}

# slowest COUNT COMMAND…: the longest time of so many runs; "failed" if one of them fails.
slowest() {
	local count=$1 i begun
	shift
	for i in $(seq "$count"); do
		begun=$(date +%s%N)
		"$@" >slowest.out 2>&1 || { echo failed; return; }
		echo $((($(date +%s%N) - begun) / 1000000))
	done | awk '/failed/ { print; exit } $1 > most { most = $1 } END { if (!/failed/) printf "%.2f s\n", most / 1000 }'
}
health() { [ "$(curl -s --cacert ca/cert/root.crt -m 60 -o /dev/null -w '%{http_code}' "$url/health")" = 200 ]; }
small_post() { "$certpool" verify client1 client1/cert/cert_key1.crt --online -q; }

{
	printf 'version: 1\nca: {layout: ca, endpoint: "http://127.0.0.1:0"}\nclients:\n'
	printf '  client1: {pool: {size: %d}, policy: {certificates: 100000}}\n' "$revoked"
	printf '  late: {pool: {size: 20}}\n'
	for i in $(seq $clients); do echo "  busy$i: {pool: {size: $pool}}"; done
	for i in $(seq $nat); do echo "  nat$i: {pool: {size: 4, batch_size: 1}}"; done
} >manifest.yaml
"$certpool" init -q >out
"$certpool" request client1 -q >out
start_ca 127.0.0.1
"$certpool" enroll client1 -q >out
: >"$table"
row 'figure' 'found' 'bound'
row 'GET /health, nothing else going on' "$(slowest 20 health)" '1 s'
row 'a small POST, nothing else going on' "$(slowest 10 small_post)" '1 s'

# --- large bodies (catalogue 111) ---
body() { # KID
	local header
	header=$(printf '{"alg":"A256KW","enc":"A256GCM","kid":"%s","typ":"certpool.certificates"}' "$1" | base64 -w 0 | tr '+/' '-_' | tr -d '=')
	printf 'POST /v1/certificates HTTP/1.1\r\nHost: a\r\nContent-Type: application/jose\r\nContent-Length: 16000000\r\n\r\n%s.' "$header"
	head -c 15000000 /dev/zero | tr '\0' A
}
body unknown >unknown.body
body "$(jq -r .kid client1/Private/shared_ca.jwk)" >known.body
for kind in unknown known; do
	before=$(status VmRSS)
	# shellcheck disable=SC2046
	hold $(addresses 1 4) --connections 64 --say "$kind.body" --again
	row "a small POST, with 64 bodies of 16 MB under a kid that is $kind at once" "$(slowest 10 small_post)" '1 s'
	row "  memory of the CA that they take" "$(megabytes $(($(status VmHWM) - before)))" "$([ $kind = unknown ] && echo '64 MB' || echo '320 MB')"
	let_go
done
rm ./*.body

# --- idle and slow connections (catalogue 112) ---
printf 'GET /health HTTP/1.1\r\nHost: a\r\n' >slow
idle() { # TEXT OPTIONS…
	local text=$1
	shift
	hold "$@"
	row "GET /health, with $text" "$(slowest 20 health)" '1 s'
	let_go
	hold "$@" --again
	row '  that are opened again at once, all the time' "$(slowest 20 health)" ''
	let_go
}
# shellcheck disable=SC2046
{
	idle '1,024 idle connections from 4 addresses' $(addresses 1 4) --connections 1024
	idle '1,024 unfinished requests from 4 addresses' $(addresses 1 4) --connections 1024 --say slow
	idle '10,000 idle connections from 40 addresses' $(addresses 1 40) --connections 10000
	idle '10,000 unfinished requests from 40 addresses' $(addresses 1 40) --connections 10000 --say slow
}
row '  connections replaced, turned away' "$(metric connections_replaced_total), $(metric connections_turned_away_total)" ''

# --- enrolments (catalogue 114, 115) ---
for i in $(seq $clients); do "$certpool" request "busy$i" -q >out; done
"$certpool" request late -q >out
# enroll_all PREFIX COUNT: begins to enroll clients at once; await_all waits, and sets $failed and $took.
enroll_all() {
	pids=()
	begun=$(date +%s.%N)
	for i in $(seq "$2"); do
		"$certpool" enroll "$1$i" -q >"$1$i.out" 2>"$1$i.err" &
		pids+=($!)
	done
}
await_all() {
	failed=0
	for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
	took=$(since "$begun")
}
enroll_all busy $clients
"$programs/load" --connections 1 --while "${pids[0]}" --seconds 600 "$url/health" >health.json || true
"$programs/load" --connections 1 --seconds 1 "$url/health" >health2.json || true
late=$(date +%s.%N)
failed=0
"$certpool" enroll late -q >out 2>late.err || failed=1
row "a pool of 20, begun while $clients clients enroll $pool each" "$([ $failed = 0 ] && since "$late" || echo failed)" '1 s'
await_all
row '  all of them' "$took" ''
row '  of them failed' "$failed" '0'
row '  GET /health meanwhile: slowest' "$(jq -s '[.[].max_ms] | max' health.json health2.json) ms" '1000 ms'
row '  GET /health meanwhile: other than 200' "$(jq -s '[.[].errors] | add' health.json health2.json)" '0'
for i in $(seq $nat); do "$certpool" request "nat$i" -q >out; done
stop_ca
start_ca 127.0.0.1 --connections-per-address 64
enroll_all nat $nat
await_all
row "$nat clients behind one address that may have 64 connections: failed" "$failed" '0'
row '  all of them' "$took" ''
row '  connections turned away' "$(metric connections_turned_away_total)" ''

# --- readers that do not read (catalogue 113); 404 is logged for the row of the log ---
stop_ca
start_ca 127.0.0.1 --verbose
"$certpool" revoke --client client1 --yes -q >out 2>err || die "$(cat err)"
curl -s -o crl "$url/crl"
printf 'GET /crl HTTP/1.1\r\nHost: a\r\n\r\n' >ask
before=$(status VmRSS)
kernel=$(kernel_mb)
# shellcheck disable=SC2046
hold $(addresses 1 4) --connections 256 --say ask --again
most=0
for i in $(seq 10); do
	"$certpool" revoke "busy1/$i" -q >out
	curl -s -o crl "$url/crl"
	[ "$(kernel_mb)" -le "$most" ] || most=$(kernel_mb)
done
row "256 readers that do not read a CRL of $(($(stat -c %s crl) / 1024)) kB, of which 10 are made:" '' ''
row '  memory of the kernel that they take' "$((most - kernel)) MB" '64 MB'
row '  memory of the CA that they take' "$(megabytes $(($(status VmRSS) - before)))" '64 MB'
let_go

# --- the log ---
before=$(wc -l <serve.err)
for _ in $(seq 20000); do printf 'url = "%s/nothing"\noutput = /dev/null\n' "$url"; done >urls
curl -s -K urls || true
row '20,000 refused requests: lines of the log' "$(($(wc -l <serve.err) - before))" '100'

# --- TLS ---
stop_ca
scheme=https
start_ca 127.0.0.1
row 'GET /health over TLS, nothing else going on' "$(slowest 20 health)" '1 s'
"$programs/load" --hello hello
head -c 6 hello >half
before=$(status VmRSS)
lines=$(wc -l <serve.err)
# shellcheck disable=SC2046
{
	idle '1,024 handshakes that stop within the first message' $(addresses 1 4) --connections 1024 --say half
	idle '1,024 handshakes that stop after it' $(addresses 1 4) --connections 1024 --say hello
	idle '10,000 handshakes that stop within the first message' $(addresses 1 40) --connections 10000 --say half
	idle '10,000 handshakes that stop after it' $(addresses 1 40) --connections 10000 --say hello
}
row '  memory of the CA that they take' "$(megabytes $(($(status VmHWM) - before)))" '128 MB'
row '  handshakes that failed' "$(metric 'tls_handshakes_total{result="failed"}')" ''
row '  lines of the log' "$(($(wc -l <serve.err) - lines))" '1000'
stop_ca
scheme=http

# --- one network of IPv6 (catalogue 112) ---
network() {
	ip link set lo up
	for i in $(seq 5); do ip -6 address add "fd00:1:2:3::$i/64" dev lo nodad; done
	ip -6 address add fd00:1:2:4::1/64 dev lo nodad
	start_ca '[fd00:1:2:4::1]'
	# shellcheck disable=SC2046
	hold $(for i in $(seq 5); do echo "--from fd00:1:2:3::$i"; done) --connections 1280
	row 'GET /health, with 1,280 connections from 5 addresses of one /64' "$(slowest 20 health)" '1 s'
	row '  of which the CA has' "$(($(metric open_connections) - 1))" '256'
	let_go
	stop_ca
}
if command -v ip >/dev/null && unshare -n true 2>/dev/null; then
	export -f network die row start_ca stop_ca hold let_go slowest health metric
	export certpool programs table scheme
	unshare -n bash -c 'ca=; holder=; network' || row 'one network of IPv6' failed ''
else
	row 'one network of IPv6' skipped 'unshare -n, ip'
fi
