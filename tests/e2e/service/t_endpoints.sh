#!/usr/bin/env bash
# Where servers listen, and where others reach them: several addresses, all addresses, a CA that moves.
# Each host is a folder here.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

on() { # HOST COMMAND…
	(cd "$1.host" && shift && "$@")
}
answers() { [ "$(curl -s -o answer -w '%{http_code}' "$1/$2")" = "$3" ]; }
mkdir ca.host a.host b.host
# These servers listen at all addresses: no other script has ports of this range, and another run of this one others.
port=$(free_port $((15000 + $$ * 8 % 4800)))
other=$(free_port $((port + 1)))
ca_manifest() { # ENDPOINT [LISTEN] [MORE]
	cat >ca.host/manifest.yaml <<-END
		version: 1
		ca: {layout: ca, endpoint: "$1"${2:+, listen: $2}${3:+, $3}$store}
		clients:
		  alice: {pool: {size: 4}}
		  bob: {pool: {size: 2}}
	END
}

# --- where it listens ---
ca_manifest "http://$host:$port" "[\"http://$host:$port\", \"http://localhost:$other\"]"
expect 0 'init' on ca "$certpool" init ca
start ca serve -m ca.host/manifest.yaml
equal 'the first endpoint is announced' "http://$host:$port" "$endpoint"
check 'the CA listens there' answers "http://$host:$port" health 200
check 'at the second, which is a name, by IPv4' answers "http://127.0.0.1:$other" health 200
check 'and by IPv6' answers "http://[::1]:$other" health 200
check 'both are in the log' grep -q "listening on http://localhost:$other" ca.err
stop "$server"
equal 'it stops in order' 0 "$stopped"
start ca serve -m ca.host/manifest.yaml --listen 'http://[::1]:0' --listen "http://$host:0" --json
check 'options take the place of all of them' answers "$endpoint" health 200
equal 'each has a line' 2 "$(jq -r .listening ca.out | wc -l)"
check 'the second is there' answers "$(jq -r .listening ca.out | tail -n 1)" health 200
check_not 'the manifest'\''s are not' answers "http://$host:$port" health 200
equal 'its invitations have the endpoint of the manifest' "http://$host:$port" "$(on ca "$certpool" invite alice -o - 2>/dev/null | jq -r .endpoint)"
stop "$server"
for bad in '[]' "[\"http://$host:1\", \"http://$host:1\"]" '"http://h"' '{}'; do
	ca_manifest "http://$host:$port" "$bad"
	expect 2 "listen: $bad" on ca "$certpool" status
	says 'is refused with its place' 'manifest.yaml:2:[0-9]+: ca.listen.*expected'
done

# --- all addresses ---
ca_manifest "http://0.0.0.0:$port"
expect 2 'nobody reaches 0.0.0.0' on ca "$certpool" invite alice -o -
says 'and what to write is said' 'expected in the endpoint of ca the address or name by which other hosts reach it, found 0.0.0.0: .* listen: beside it'
for url in 'http://0.0.0.0/crl' 'https://[::]:80/crl' 'http://0.0.0.0:8440'; do
	ca_manifest "http://$host:$port" '' "crl: {url: \"$url\"}"
	expect 2 "a certificate with the URL $url" on ca "$certpool" status
	says 'would be of no use' 'by which verifiers reach it'
done
ca_manifest "http://$host:$port" "[\"http://0.0.0.0:$port\", \"http://[::]:$port\"]"
start ca serve -m ca.host/manifest.yaml
ca=$server
check 'it listens at all addresses' answers "http://$host:$port" health 200
check 'of both families' answers "http://[::1]:$port" health 200
for name in alice bob; do
	on ca "$certpool" invite $name -o - >$name.json 2>err
	equal "the invitation of $name has the endpoint" "http://$host:$port" "$(jq -r .endpoint $name.json)"
done
chmod 600 ./*.json
expect 0 'alice joins' on a "$certpool" join ../alice.json
expect 0 'bob joins' on b "$certpool" join ../bob.json
for name in a:alice b:bob; do
	expect 0 "${name#*:} requests" on "${name%:*}" "$certpool" request "${name#*:}"
	expect 0 'and enrolls' on "${name%:*}" "$certpool" enroll "${name#*:}"
done

# --- a client that is known by its invitation alone ---
bob_port=$(free_port $((other + 1)))
expect 4 'alice does not know bob' on a "$certpool" send alice bob x
printf '    endpoint: "http://%s:%s"\n    listen: ["http://0.0.0.0:%s"]\n' "$host" "$bob_port" "$bob_port" >>b.host/manifest.yaml
expect 0 'bob invites alice' on b "$certpool" invite alice --by bob -o ../to-alice.json
cp a.host/manifest.yaml before.yaml
expect 0 'alice joins' on a "$certpool" join ../to-alice.json
says 'and is told where bob is' "bob is reached at http://$host:$bob_port from now on"
check 'her manifest is as it was' cmp a.host/manifest.yaml before.yaml
equal 'the file is hers alone' 600 "$(mode a.host/alice/state/endpoint_bob)"
start bob receive bob -m b.host/manifest.yaml
check 'bob listens at all addresses' answers "http://127.0.0.1:$bob_port" nothing 404
expect 0 'alice sends to bob' on a "$certpool" send alice bob 'from host to host'
equal 'it arrives' 'from host to host' "$(cat bob.out)"
stop "$server"

# --- bob moves ---
moved=$(free_port $((bob_port + 1)))
sed -i "s/:$bob_port/:$moved/g" b.host/manifest.yaml
start bob receive bob -m b.host/manifest.yaml
expect 7 'he is not found' on a "$certpool" send alice bob x
on b "$certpool" invite alice --by bob -o - >again.json 2>err
chmod 600 again.json
expect 0 'a new invitation' on a "$certpool" join ../again.json
expect 0 'tells where he is' on a "$certpool" send alice bob 'moved'
printf '  bob: {endpoint: "http://%s:1"}\n' "$host" >>a.host/manifest.yaml
expect 7 'what the manifest says from then on counts more' on a "$certpool" send alice bob x
expect 0 'until bob says again where he is' on a "$certpool" join ../again.json
expect 0 'and it works' on a "$certpool" send alice bob 'again'
sed -i "s|http://$host:1\"|http://$host:$moved\"|" a.host/manifest.yaml
expect 0 'the same in the manifest' on a "$certpool" join ../again.json
check_not 'needs no file' test -e a.host/alice/state/endpoint_bob
stop "$server"

# --- the CA moves, and a new invitation tells where it is ---
stop "$ca"
ca_manifest "http://$host:$other" "\"http://0.0.0.0:$other\""
start ca serve -m ca.host/manifest.yaml
ca=$server
expect 7 'alice does not find it' on a "$certpool" renew alice --all
on ca "$certpool" invite alice -o - >moved.json 2>err
chmod 600 moved.json
expect 0 'a new invitation' on a "$certpool" join ../moved.json
says 'tells where it is' "ca is reached at http://$host:$other from now on"
expect 0 'and alice renews' on a "$certpool" renew alice --all
expect 0 'asks' on a "$certpool" verify alice alice/cert/cert_key1.crt --online
echo 'http://nonsense' >a.host/alice/state/endpoint_ca
expect 1 'a damaged file' on a "$certpool" renew alice --all
says 'is named, with what to do' 'alice/state/endpoint_ca: .*expected http://HOST:PORT.*: remove the file'
rm a.host/alice/state/endpoint_ca
sed -i "s/:$port/:$other/" a.host/manifest.yaml
expect 0 'and what it did the manifest can do' on a "$certpool" renew alice --all
stop "$ca"

# --- the CA moves, and its own answers tell where it is, as long as it is at both places ---
new=$(free_port $((moved + 1)))
ca_manifest "http://$host:$new" "[\"http://$host:$other\", \"http://$host:$new\"]"
start ca serve -m ca.host/manifest.yaml
expect 0 'alice renews where the CA was' on a "$certpool" renew alice --all
says 'and is told where it is' "the CA is reached at http://$host:$new from now on, until manifest.yaml says otherwise"
cp a.host/manifest.yaml before.yaml
stop "$server"
start ca serve -m ca.host/manifest.yaml --listen "http://$host:$new"
expect 0 'she finds it there' on a "$certpool" renew alice --all
check_not 'and is told once' grep -q 'reached at' err
expect 0 'to keep her pool' on a "$certpool" keep alice
expect 0 'to ask' on a "$certpool" verify alice alice/cert/cert_key1.crt --online
check 'her manifest is as it was' cmp a.host/manifest.yaml before.yaml
stop "$server"
ca_manifest "http://$host:1" "\"http://$host:$new\""
start ca serve -m ca.host/manifest.yaml
expect 0 'a CA that says it is where nothing answers' on a "$certpool" renew alice --all
says 'is not believed' "the CA says that it is reached at http://$host:1, and that is not kept: "
expect 0 'and goes on being found' on a "$certpool" renew alice --all
stop "$server"
