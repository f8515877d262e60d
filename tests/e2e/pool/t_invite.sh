#!/usr/bin/env bash
# invite and join: clients on other hosts. Each host is a folder here.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

mkdir ca.host a.host b.host
ca_port=$(free_port 8440)
cat >ca.host/manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://$host:$ca_port"$store}
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
	check "an invitation with $change: no part of its key is shown" test -z "$(grep -F -e "$(jq -r .shared_key.k bob.json)" err)"
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
says 'and is told where bob is' "bob is reached at http://$host:$bob_port"
start bob receive bob -m b.host/manifest.yaml --online
expect 0 'alice sends to bob' on a "$certpool" send alice bob 'from host to host'
equal 'it arrives' 'from host to host' "$(cat bob.out)"

# An invitation that ends, and the list of those by which nobody has joined.
on ca "$certpool" client add dora --size 2 -q >out
expect 0 'an invitation with an end' on ca "$certpool" invite dora --expires 7d --json
equal 'says when it ends' true "$(jq '.expires | test("Z$")' out)"
expect 0 'invitations' on ca "$certpool" client invitations
prints 'list it, with its end' '^dora +20[^ ]+Z +20[^ ]+Z +-$'
check_not 'and not those by which somebody joined' grep -q '^alice' out
cp -p ca.host/dora.invitation.json dora.first.json
rm ca.host/dora.invitation.json
expect 0 'a second one' on ca "$certpool" invite dora --pool-size 30
says 'makes the first void' 'the invitation of dora that was made before is void'
equal 'the quota follows the size that it gives' '30 300' "$(on ca "$certpool" client show dora --json | jq -r '"\(.size) \(.certificates)"')"
mkdir d.host
expect 6 'the first one' sh -c "cd d.host && '$certpool' join ../dora.first.json && '$certpool' request dora -q && '$certpool' enroll dora"
says 'is void' 'cannot be decrypted under a key that is shared'
rm -rf d.host/* ca.host/dora.invitation.json
on ca "$certpool" invite dora --expires 7d -q >out
mv ca.host/dora.invitation.json d.host/
jq '.expires = "2020-01-01T00:00:00Z"' d.host/dora.invitation.json >ended.json
chmod 600 ended.json
expect 6 'an invitation that ended' sh -c "cd d.host && '$certpool' join ../ended.json"
says 'says when, and what to do' 'the invitation of dora ended at 2020-01-01T00:00:00Z: ask the CA for another one \(certpool invite dora\)'
equal 'nothing is left' dora.invitation.json "$(ls d.host)"
for change in '"soon"' '7' '"2026-13-01T00:00:00Z"'; do
	jq ".expires = $change" ended.json >malformed.json
	chmod 600 malformed.json
	expect 1 "an end of $change" sh -c "cd d.host && '$certpool' join ../malformed.json"
done
# The holder's clock does not count: the CA's does.
expect 0 'join in time' on d "$certpool" join dora.invitation.json
on d "$certpool" request dora -q >out
ask_record ca.host/ca "update client set invitation_ends = 1000, joined_at = null where name = 'dora'"
expect 6 'enroll too late' on d "$certpool" enroll dora
says 'says so' 'the invitation of dora ended at 1970-01-01T00:16:40Z, and nobody had joined by it'
equal 'it is marked' 'its invitation ended before it joined' "$(on ca "$certpool" client list --json | jq -r 'select(.client=="dora").look_at')"
on ca "$certpool" invite dora --expires 1d -q -o - >d.host/again.json
chmod 600 d.host/again.json
rm d.host/dora/Private/shared_ca.jwk
expect 0 'with another one' on d "$certpool" join again.json
expect 0 'it enrolls' on d "$certpool" enroll dora
expect 6 'who has joined cannot be given an end' on ca "$certpool" invite dora --expires 1d -o late.json
says 'for its key is in use' 'dora joined at .*: leave --expires and --once out'
expect 0 'but another file' on ca "$certpool" invite dora -o late.json
expect 2 'a client'\''s invitation has no end' on b "$certpool" invite alice --by bob --expires 1d -o x.json

# An invitation that counts once.
on ca "$certpool" client add frank -q >out
expect 0 'an invitation that counts once' on ca "$certpool" invite frank --once --expires 1d
check 'says so' jq -e '.once' ca.host/frank.invitation.json
on ca "$certpool" client invitations >out
prints 'and is listed so' '^frank .* once$'
mkdir f.host g.host
cp -p ca.host/frank.invitation.json g.host/
mv ca.host/frank.invitation.json f.host/
# Its key is for joining alone.
jq .shared_key g.host/frank.invitation.json >invited.jwk
printf '{"iss":"frank","aud":"ca","iat":%s,"jti":"%s","certificate":"%s"}' "$(date +%s)" "$(jti)" "$(sed 's/$/\\n/' a.host/alice/cert/cert_key1.crt | tr -d '\n')" | seal invited.jwk certpool.status >question
CERTPOOL_CA=http://$host:$ca_port post /v1/status question >out
jose jwe dec -i answer -k invited.jwk >plain
equal 'anything else is refused' invitation "$(jq -r .error.type plain)"
cp -rp a.host/alice g.host/frank
expect 6 'where another key is shared already nobody joins' on g "$certpool" join frank.invitation.json
says 'and the invitation is not used' 'the invitation was not used now: certpool join --replace takes its key'
rm -r g.host/frank
expect 0 'the first one joins' on f "$certpool" join frank.invitation.json
check_not 'and has another key than the invitation' test "$(jq -r .k f.host/frank/Private/shared_ca.jwk)" = "$(jq -r .k invited.jwk)"
expect 6 'the second one does not' on g "$certpool" join frank.invitation.json
says 'and learns why' 'the invitation of frank was used at 20.*, and counts once: if that was not here, somebody else has it'
equal 'nothing is left' frank.invitation.json "$(ls g.host)"
check 'the audit log has both' grep -q '"joined"' <(on ca "$certpool" audit list --json)
on f "$certpool" request frank -q >out
expect 0 'the first one enrolls' on f "$certpool" enroll frank
expect 6 'who has joined is not invited once' on ca "$certpool" invite frank --once
says 'as long as its key is in use' 'leave --expires and --once out'
# Its key is no old one that a rotation has to wait for, and stays good for nothing.
joined=$(jq -r .kid f.host/frank/Private/shared_ca.jwk)
expect 0 'the key of the first one is rotated' on ca "$certpool" rotate key frank
equal 'and is the old one then' "$joined" "$(jq -r .kid ca.host/ca/Private/old_frank.jwk)"
ask_record ca.host/ca "update client_key set rotated_at = rotated_at + 1 where client = 'frank'"
for file in later latest; do
	expect 0 "another file ($file)" on ca "$certpool" invite frank -o "$file.json"
	check_not "makes nothing void ($file)" grep -q 'is void' err
done
expect 0 'the first one goes on' on f "$certpool" keep frank
expect 6 'the second one does not join even now' on g "$certpool" join frank.invitation.json

# The answer got lost: the CA knows that nobody used what was in it.
ask_record ca.host/ca "update client_key set taken_at = 0, rotated_at = 0 where client = 'frank'"
expect 0 'whoever did not get the key is invited again' on ca "$certpool" invite frank --once -o anew.json
says 'and what was before is void' 'is void'
jq '.once = false' g.host/frank.invitation.json >g.host/false.json
chmod 600 g.host/false.json
expect 1 'once is true or is not there' on g "$certpool" join false.json
expect 2 'a client'\''s invitation does not count once' on b "$certpool" invite alice --by bob --once -o x.json

# Where nothing can be written, it is not used up.
on ca "$certpool" client add ida -q >out
on ca "$certpool" invite ida --once -q >out
mkdir i.host
mv ca.host/ida.invitation.json i.host/
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=64k tmpfs small 2>err; then
	cp -p i.host/ida.invitation.json small/
	head -c 60000 /dev/zero >small/full 2>err
	expect 1 'join on a full disk' sh -c "cd small && '$certpool' join ida.invitation.json"
	says 'says so, and that the invitation is not used' 'nothing can be written here, and the invitation is not used yet'
	umount small
else
	skip 'join on a full disk' 'needs root'
fi
printf 'version: 1\nca: {layout: ca, endpoint: "http://%s:%s"}\nclients:\n  ida: {layout: srv/pools/ida, pool: {size: 1}}\n' "$host" "$ca_port" >i.host/manifest.yaml
expect 0 'elsewhere it is good, also for a layout in directories that are not there yet' on i "$certpool" join ida.invitation.json
check 'which are made' test -s i.host/srv/pools/ida/Private/shared_ca.jwk

# Many that count once.
printf 'name,size\nkim,2\nlou,2\n' >ca.host/once.csv
expect 2 '--once without --invite-to' on ca "$certpool" client add --from once.csv --once
says 'is refused' '--once: expected --invite-to beside it'
expect 0 'a file of clients, with invitations that count once' on ca "$certpool" client add --from once.csv --invite-to once --once --expires 1d
on ca "$certpool" client invitations >out
equal 'are listed so' 2 "$(grep -cE '^(kim|lou) .* once$' out)"
mkdir k.host k2.host
cp -p ca.host/once/kim.invitation.json k.host/ && cp -p ca.host/once/kim.invitation.json k2.host/
expect 0 'the first one joins' on k "$certpool" join kim.invitation.json
expect 6 'the second one does not' on k2 "$certpool" join kim.invitation.json
says 'and learns why' 'the invitation of kim was used at 20.*, and counts once'
expect 0 'the first one enrolls' on k "$certpool" keep kim

# A removal that was killed before the key was gone: the next client of the name has another key.
cp -p ca.host/ca/Private/shared_lou.jwk lou.jwk
on ca "$certpool" client remove lou -q >out
cp -p lou.jwk ca.host/ca/Private/shared_lou.jwk
expect 0 'client add after a killed removal' on ca "$certpool" client add lou
check_not 'removes the key' test -e ca.host/ca/Private/shared_lou.jwk
on ca "$certpool" client remove lou -q >out
cp -p lou.jwk ca.host/ca/Private/shared_lou.jwk
expect 0 'also with an invitation' on ca "$certpool" client add lou --invite-to anew
check_not 'which has another' test "$(jq -r .k lou.jwk)" = "$(jq -r .shared_key.k ca.host/anew/lou.invitation.json)"

# An invitation is withdrawn.
on ca "$certpool" client add eve -q >out
on ca "$certpool" invite eve -q >out
mkdir e.host
mv ca.host/eve.invitation.json e.host/
expect 0 'withdraw' on ca "$certpool" client withdraw eve
equal 'takes the key' false "$(test -e ca.host/ca/Private/shared_eve.jwk && echo true || echo false)"
expect 0 'the invitations' on ca "$certpool" client invitations
check_not 'have no line of it' grep -q '^eve' out
on e "$certpool" join eve.invitation.json -q >out
on e "$certpool" request eve -q >out
expect 6 'nobody enrolls by it' on e "$certpool" enroll eve
expect 4 'withdraw again' on ca "$certpool" client withdraw eve
expect 6 'withdraw where somebody joined' on ca "$certpool" client withdraw dora
expect 4 'withdraw nobody'\''s' on ca "$certpool" client withdraw nobody

# What lives elsewhere is not made here.
expect 0 'init on the CA'\''s host, again' on ca "$certpool" init
check_not 'makes no layout for who was invited' test -e ca.host/alice
expect 0 'the status' on ca "$certpool" status
check_not 'notes none as missing' grep -qE 'alice|bob' <(grep -hv '^    ' out err)
