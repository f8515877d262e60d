#!/usr/bin/env bash
# What someone without a key can cost the CA: hidden requests, large bodies, connections, lines of the log.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

clients=12
{
	printf 'version: 1\nca: {layout: ca, endpoint: "http://%s:0"%s}\nclients:\n' "$host" "$store"
	for i in $(seq $clients); do echo "  client$i: {pool: {size: 8, batch_size: 1}}"; done
} >manifest.yaml
"$certpool" init -q >out
# At most half of the descriptors are connections.
launcher=(bash -c 'ulimit -n 128; exec "$@"' bash)
start_ca --verbose --connections-per-address 24
launcher=()
port=${CERTPOOL_CA##*:}

# say TEXT: sends it on a connection of its own, and prints the answers until the CA closes.
say() {
	exec 8<>"/dev/tcp/$host/$port"
	# In one piece: the CA may close the connection after the first line that is wrong.
	(printf '%b' "$1" | cat >&8) || true
	timeout 300 cat <&8 || true
	exec 8<&-
}
metric() { curl -s "$CERTPOOL_CA/metrics" | sed -n "s/^certpool_$1 //p"; }

# catalogue 116: what follows a doubtful head gets no answer of its own.
second='GET /health HTTP/1.1\r\nHost: a\r\n\r\n'
hidden() { # NAME HEAD STATUS
	say "$2\r\n$second" >answers
	equal "$1: is refused" "$3" "$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' answers)"
	equal "$1: and hides no second request" 1 "$(grep -c '^HTTP/1' answers)"
}
get='GET /root.crt HTTP/1.1\r\nHost: a\r\n'
hidden 'a space before the colon' "${get}Content-Length : 34\r\n" 400
hidden 'a bare CR' "${get}X: a\rContent-Length: 34\r\n" 400
hidden 'a bare LF, and a space more elsewhere' "${get}X: a\nContent-Length:  34\r\n" 400
hidden 'a field that begins with a space' 'GET /root.crt HTTP/1.1\r\n Content-Length: 34\r\nHost: a\r\n' 400
hidden 'a transfer encoding with a space' "${get}Transfer-Encoding : chunked\r\n" 400
hidden 'a transfer encoding' "${get}Transfer-Encoding: chunked\r\n" 411
hidden 'HTTP/1.7' 'GET /root.crt HTTP/1.7\r\nHost: a\r\n' 400

# catalogue 111: the rest of a large body is not awaited from someone without a key.
header=$(printf '{"alg":"A256KW","enc":"A256GCM","kid":"unknown","typ":"certpool.certificates"}' | base64 -w 0 | tr '+/' '-_' | tr -d '=')
say "POST /v1/certificates HTTP/1.1\r\nHost: a\r\nContent-Type: application/jose\r\nContent-Length: 16000000\r\n\r\n$header.$(head -c 1100 /dev/zero | tr '\0' A)" >answers
equal 'an unknown kid is refused at the beginning of 16 MB' 400 "$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' answers)"
check 'with the answer that all have' grep -q 'cannot be decrypted under a key that is shared' answers

# catalogue 112: connections that say nothing take every place that this address may have.
idle=()
for _ in $(seq 60); do exec {fd}<>"/dev/tcp/$host/$port" && idle+=("$fd"); done
equal 'an address that is full of idle connections is answered' 200 \
	"$(curl -s --retry 20 --retry-delay 1 -o answer -w '%{http_code}' "$CERTPOOL_CA/health")"
for fd in "${idle[@]}"; do exec {fd}<&-; done

# catalogue 115: more clients behind one address than it may have connections.
pids=()
for i in $(seq $clients); do "$certpool" request "client$i" -q >out; done
for i in $(seq $clients); do
	"$certpool" enroll "client$i" -q >"enroll$i.out" 2>"enroll$i.err" &
	pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
equal 'all of many clients behind one address are served' "0 $((clients * 8))" "$failed $(rows)"
check 'connections that found no place are counted' test "$(metric connections_turned_away_total)" -gt 0

# A flood of requests is no flood of lines.
before=$(wc -l <serve.err)
for _ in $(seq 300); do printf 'url = "%s/nothing"\noutput = answer\n' "$CERTPOOL_CA"; done >urls
began=$SECONDS
flood() { curl -s -K urls && grep -q 'the 100th like this' serve.err; }
check 'of 300 refusals at once the 100th is logged with its number' eventually flood
after=$(wc -l <serve.err)
# 20 in ten seconds, the 100th, and how many were left out.
check 'and few others' test $((after - before)) -le $((25 * ((SECONDS - began) / 10 + 2)))
# catalogue 46: a control character of C1, as an octet and in UTF-8
say 'GET /\x9b31m\xc2\x9b HTTP/1.1\r\nHost: a\r\n\r\n' >answers
check 'control characters of C1 are masked' eventually grep -qF '/?31m??' serve.err
equal 'and none is in the log' 0 "$(LC_ALL=C grep -caP '[\x80-\x9f]' serve.err)"

# catalogue 77: the CA logs until its end what becomes of unfinished requests.
# Which the CA ends after five seconds: then another one.
begin_request() {
	exec 9<>"/dev/tcp/$host/$port"
	printf 'GET /hea' >&9
	[ "$(metric open_connections)" -ge 2 ]
}
check 'an unfinished request is there' eventually begin_request
stop "$ca"
exec 9>&-
equal 'SIGTERM: exit status 0' 0 "$stopped"
check 'at the end the log says how many lines it left out' grep -q 'more were not logged' serve.err
