#!/usr/bin/env bash
# testssl.sh looks at the CA's https endpoint, with TLS 1.3 alone and with TLS 1.2 beside it: protocols, suites,
# certificate, stapling, and the known attacks. Nothing that it calls LOW or worse, but what a host has no name for.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

scan() { # NAME: leaves NAME.json
	testssl --quiet --color 0 --warnings off --add-ca ca/cert/root.crt --jsonfile "$1.json" \
		--protocols --fs --server-preference --server-defaults --vulnerable "$endpoint" >"$1.txt" 2>&1
}
# What it found, by its own measure. An address has no CAA record; the engine is its own openssl's. A client that
# renegotiates and then ends the connection itself cannot see that the server has closed it (t_tls.sh can); one that
# resumes a session of TLS 1.2, for which there are no tickets, has no file to resume it from.
problems() { jq -r '.[] | select(.severity | IN("OK", "INFO") | not) | select(.id | IN("DNS_CAArecord", "engine_problem", "secure_client_renego", "sessionresumption_ticket") | not) | "\(.severity) \(.id): \(.finding)"' "$1.json"; }
found() { jq -r --arg id "$2" '.[] | select(.id == $id).finding' "$1.json"; }

port=$(free_port 21000)
for versions in 1.3 1.2; do
	manifest_https 1 1 >manifest.yaml
	sed -i "s|$host:0\"|$host:$port\", ocsp: {url: \"https://$host:$port/ocsp\"}, tls: {minimum: \"$versions\"}|" manifest.yaml
	[ -d ca ] || "$certpool" init -q >out
	start serve serve
	scan "$versions"
	equal "testssl.sh finds nothing, from TLS $versions on" '' "$(problems "$versions")"
	check 'and it has looked' test "$(jq length "$versions.json")" -gt 60
	equal 'TLS 1.3' 'offered with final' "$(found "$versions" TLS1_3)"
	equal 'TLS 1.1' 'not offered' "$(found "$versions" TLS1_1)"
	equal 'a stapled OCSP response' 'offered' "$(found "$versions" OCSP_stapling)"
	equal 'Heartbleed' 'not vulnerable, no heartbeat extension' "$(found "$versions" heartbleed)"
	equal 'the CA goes on' 200 "$(curl -s --cacert ca/cert/root.crt -o answer -w '%{http_code}' "$endpoint/health")"
	stop "$server"
done
equal 'TLS 1.2, when it is not allowed' 'not offered' "$(found 1.3 TLS1_2)"
equal 'and when it is' 'offered' "$(found 1.2 TLS1_2)"
