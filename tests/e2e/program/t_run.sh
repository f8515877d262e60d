#!/usr/bin/env bash
# certpool run: the steps of a manifest's batch. status.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# none_left: whether no certpool process runs in this test's folder.
none_left() {
	local process
	for process in /proc/[0-9]*; do
		[[ $(readlink "$process/exe") != "$(realpath "$certpool")" || $(readlink "$process/cwd") != "$folder"* ]] ||
			return 1
	done
}

manifest 4 3 >manifest.yaml
expect 2 'a manifest without a batch' "$certpool" run
says 'says so' 'batch'
cat >>manifest.yaml <<'END'
batch:
  - enroll: [client1, client2]
  - send: {from: client1, to: client2, text: bonjour, count: 10}
  - verify: {by: client2, online: true}
END
expect 0 'run, from nothing' "$certpool" run
prints 'the pools' '^ +1  enroll +client1 +done .* 4 keys, 4 certificates, 0 refused$'
prints 'the messages' '^ +2  send +client1 to client2 +done .* 10 verified, 0 refused$'
prints 'the certificates' '^ +3  verify +by client2, online +done .* [1-4] good, 0 bad$'
check 'what it started it has stopped' none_left
expect 0 'run again' "$certpool" run --json
equal 'each part is a line' 'enroll enroll send verify' "$(jq -r .verb out | tr '\n' ' ' | sed 's/ $//')"
check 'with its figures and its time' jq -es 'map(.result=="done" and .seconds>=0 and .line>0)|all' out
equal 'nothing was certified anew' 7 "$(rows)"
equal 'run reports nothing on standard error' '' "$(cat err)"

# The servers that run starts take no options from the environment.
expect 0 'options in the environment are not its servers'\''' env CERTPOOL_COUNT=1 CERTPOOL_LISTEN=http://127.0.0.1:1 CERTPOOL_JSON=1 "$certpool" run

expect 0 'status' "$certpool" status --json
equal 'of the CA' '7 7 0 0' "$(jq -r 'select(.node=="ca")|"\(.certificates) \(.valid) \(.expired) \(.revoked)"' out)"
equal 'of a client' '4 4 4 4 4 0' "$(jq -r 'select(.node=="client1")|"\(.size) \(.keys) \(.requests) \(.certificates) \(.valid) \(.expired)"' out)"
check 'with times' jq -es 'map((.first_expiry|fromdate) > now)|all' out
expect 0 'status as text' "$certpool" status
prints 'of the CA' 'certificates 7, valid 7, expired 0, revoked 0'
under_clock +91d "$certpool" status --json >out
equal 'in 91 days all is expired' '0 7 null' "$(jq -r 'select(.node=="ca")|"\(.valid) \(.expired) \(.first_expiry)"' out)"

# A failing part.
sed -i 's/{from: client1, to: client2, text: bonjour, count: 10}/{from: client1, to: client3, text: x}/
	s/^clients:/&\n  client3: {endpoint: "http:\/\/127.0.0.1:0", message_limit: 1}/' manifest.yaml
rm client1/Private/private_key*.key
expect 5 'a part that fails' "$certpool" run --json
equal 'is told apart' 'done done failed done' "$(jq -r .result out | tr '\n' ' ' | sed 's/ $//')"
check 'with its reason' jq -e 'select(.result=="failed").error|length>0' <(jq -c 'select(.result=="failed")' out)
says 'and its line' "manifest\.yaml:[0-9]+: step 2: "
check 'everything is stopped' none_left

# run uses a server that runs already, and does not stop it.
mkdir used
manifest 2 1 >used/manifest.yaml
printf 'batch: [{enroll: [client1]}]\n' >>used/manifest.yaml
"$certpool" init -m used/manifest.yaml -q >out
start ca serve -m used/manifest.yaml
check_not 'this look at processes finds a server' none_left
expect 2 'a CA that already serves on an unknown port' "$certpool" run -m used/manifest.yaml
says 'has to be given one' 'port'
sed -i "2s|http://127.0.0.1:0|$endpoint|" used/manifest.yaml
expect 0 'a CA that already serves is used' "$certpool" run -m used/manifest.yaml
says 'as it says' 'uses the server'
check 'and still runs' kill -0 "$server"
equal 'it has certified' 2 "$(rows used/ca)"

# The servers end with run, however run ends.
cat >slow.yaml <<'END'
version: 1
ca: {layout: slow/ca, endpoint: "http://127.0.0.1:0"}
clients:
  client1: {layout: slow/client1, pool: {size: 3000, key: rsa-3072}}
batch: [{enroll: [client1]}]
END
"$certpool" run -m slow.yaml >out 2>err &
run=$!
eventually pgrep -P $run >/dev/null
child=$(pgrep -P $run)
check 'run has a server of its own' test -n "$child"
kill -9 $run
wait $run 2>/dev/null
gone() { ! grep -qs '^State:[[:space:]]*[^Z]' "/proc/$child/status"; }
check 'killed, it leaves no server behind' eventually gone
