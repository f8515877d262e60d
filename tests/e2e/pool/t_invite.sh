#!/usr/bin/env bash
# invite and join: clients on other hosts. Each host is a folder here.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

mkdir ca.host a.host b.host
ca_port=$(free_port 8440)
cat >ca.host/manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://$host:$ca_port"}
clients:
  alice: {pool: {size: 3, subject: 'CN=A \\"quoted\\" {index}'}}
  bob: {pool: {size: 2, key: ed25519}}
END
on() { # HOST COMMAND…
	(cd "$1.host" && shift && "$@")
}
expect 4 'invite before init' on ca "$certpool" invite alice
expect 0 'init on the CA'\''s host' on ca "$certpool" init ca
expect 4 'invite of a client that the manifest does not have' on ca "$certpool" invite carol
expect 2 'invite of what is no name' on ca "$certpool" invite ../carol
expect 0 'invite' on ca "$certpool" invite alice
equal 'prints the file that it wrote' alice.invitation.json "$(cat out)"
says 'says that it is secret' 'secret'
equal 'which is for its owner alone' 600 "$(mode ca.host/alice.invitation.json)"
check 'and is JSON' jq -e '.certpool=="invitation" and .to=="alice" and .pool.size==3' ca.host/alice.invitation.json
expect 6 'it is not overwritten' on ca "$certpool" invite alice
expect 0 'asked again it has the same key' on ca "$certpool" invite alice -o again.json
check 'and is the same' cmp ca.host/alice.invitation.json ca.host/again.json
expect 0 'on standard output' on ca "$certpool" invite bob -o -
cp out bob.json
equal 'only the invitation' bob "$(jq -r .to bob.json)"
equal 'the CA has the keys' 600 "$(mode ca.host/ca/Private/shared_bob.jwk)"

mv ca.host/alice.invitation.json a.host/invitation.json
expect 7 'join when the CA does not serve' on a "$certpool" join invitation.json
equal 'leaves nothing' invitation.json "$(ls a.host)"
start ca serve -m ca.host/manifest.yaml
chmod 644 a.host/invitation.json
expect 6 'an invitation that others can read' on a "$certpool" join invitation.json
chmod 600 a.host/invitation.json
expect 4 'an invitation that is not there' on a "$certpool" join nowhere.json
expect 0 'join, with one file in an empty folder' on a "$certpool" join invitation.json
prints 'says what it did' 'alice: shares a key with ca, and has pinned its root'
check 'the manifest that it writes is one' on a "$certpool" status
equal 'the key is for its owner alone' 600 "$(mode a.host/alice/Private/shared_ca.jwk)"
check 'the root is pinned' cmp a.host/alice/cert/root.crt ca.host/ca/cert/root.crt
expect 0 'join again' on a "$certpool" join invitation.json
expect 0 'request' on a "$certpool" request alice
expect 0 'enroll' on a "$certpool" enroll alice
equal 'the subject came with the invitation' 'CN=A \"quoted\" 1' \
	"$(openssl x509 -subject -nameopt RFC2253 -noout -in a.host/alice/cert/cert_key1.crt | sed 's/subject=//')"

# A root that does not match the invitation; a file that is no invitation.
chmod 600 bob.json
jq '.root_sha256 |= ("0" * 64)' bob.json >b.host/false.json
chmod 600 b.host/false.json
expect 3 'another root than the invitation says' on b "$certpool" join false.json
says 'says both' 'SHA-256|sha256'
equal 'leaves nothing' false.json "$(ls b.host)"
for change in '.certpool="x"' '.version=2' '.to="../b"' 'del(.shared_key)' '.extra=1' '.shared_key.k="AAAA"' '.pool.size=0'; do
	jq "$change" bob.json >b.host/false.json
	expect 1 "an invitation with $change" on b "$certpool" join false.json
	check "an invitation with $change: no part of its key is shown" test -z "$(grep -F "$(jq -r .shared_key.k bob.json)" err)"
done
rm b.host/false.json

expect 0 'join from standard input' sh -c "cd b.host && '$certpool' join - --json <../bob.json"
check 'as JSON' jq -e '.client=="bob" and .root_pinned' out
expect 0 'bob requests' on b "$certpool" request bob
expect 0 'bob enrolls' on b "$certpool" enroll bob
mkdir c.host
jq '.shared_key.k |= ("B" * 42 + "A")' bob.json >b.host/other.json
chmod 600 b.host/other.json
expect 6 'another key for the same peer' on b "$certpool" join other.json

# Client to client: bob receives, and invites alice.
expect 2 'a client does not invite itself' on b "$certpool" invite bob --by bob
expect 4 'a client that is not here cannot invite' on b "$certpool" invite bob --by alice
bob_port=$(free_port 8442)
printf '    endpoint: "http://%s:%s"\n' "$host" "$bob_port" >>b.host/manifest.yaml
expect 0 'bob invites alice' on b "$certpool" invite alice --by bob
equal 'under both names' bob-alice.invitation.json "$(cat out)"
check 'without what only the CA says' jq -e 'has("root_sha256") or has("pool")|not' b.host/bob-alice.invitation.json
mv b.host/bob-alice.invitation.json a.host/
expect 4 'a client'\''s invitation needs a manifest' sh -c "cd c.host && cp -p ../a.host/bob-alice.invitation.json . && '$certpool' join bob-alice.invitation.json"
expect 0 'alice joins' on a "$certpool" join bob-alice.invitation.json
says 'and is told what to add' "\"bob\": \{endpoint: \"http://$host:$bob_port\"\}"
sed -nE 's/.*: ("bob": \{endpoint: "[^"]*"\})$/  \1/p' err >>a.host/manifest.yaml
start bob receive bob -m b.host/manifest.yaml --online
expect 0 'alice sends to bob' on a "$certpool" send alice bob 'from host to host'
equal 'it arrives' 'from host to host' "$(cat bob.out)"
