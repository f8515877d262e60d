#!/usr/bin/env bash
# Root, on the files of a service that another user runs: no verb leaves a file there that the service could
# not use, and each says how to run it.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

if [ "$(id -u)" != 0 ] || ! command -v runuser >/dev/null; then
	skip "root on another user's files" 'needs root and runuser'
	exit
fi
chmod 755 .
# The program under test may be in a folder that the other user cannot enter.
install -m 755 "$certpool" program && certpool=$PWD/program
manifest 2 2 >manifest.yaml
"$certpool" init -q >out
start_ca
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
stop "$ca"
"$certpool" backup backup.tar --without-keys -q >out
chown -R nobody ca client1 client2 manifest.yaml
own() { find ca client1 client2 ! -user nobody; }

# verb WHAT COMMAND…: as root it is refused, and leaves nothing.
verb() {
	local name=$1
	shift
	expect "${refused-6}" "$name, by root, is refused" timeout 300 "$certpool" "$@"
	says 'with the command to run' 'run it as that user: runuser -u nobody -- certpool \.\.\.'
	equal 'and leaves nothing' '' "$(own)"
}
verb serve serve --listen "http://$host:0"
verb status status
verb list list
verb revoke revoke client1/1
verb crl crl --renew
refused=1 verb check check
verb prune prune
verb backup backup - --without-keys
verb 'client set' client set client1 --certificates 7
verb init init
verb request request client2
verb enroll enroll client1
verb send send client1 client2 x
rm -r client2/cert
verb 'init, where a part is missing,' init
check_not 'it makes no part of a layout' test -e client2/cert
mv ca/state/ca.db lost.db
verb restore restore backup.tar

# A new layout among another user's files.
mkdir home && manifest 1 1 >home/manifest.yaml && chown -R nobody home
expect 6 'a new layout, by root, in a directory of another user is refused' "$certpool" init -m home/manifest.yaml
says 'with the command to run' 'home: belongs to user .*run it as that user: runuser -u nobody -- certpool \.\.\.'
equal 'and nothing is made' manifest.yaml "$(ls home)"
expect 0 'as that user' runuser -u nobody -- "$certpool" init -m home/manifest.yaml

# As it says.
mv lost.db ca/state/ca.db
as=(runuser -u nobody -- "$certpool")
expect 0 'as that user init' "${as[@]}" init
expect 0 'revoke' "${as[@]}" revoke client1/1
expect 0 'a backup' "${as[@]}" backup - --without-keys
expect 0 'check' "${as[@]}" check
equal "everything is that user's" '' "$(own)"
launcher=(runuser -u nobody --)
start_ca
check 'the service starts' curl -s -o answer "$CERTPOOL_CA/health"
launcher=()
equal 'and works' '"ok"' "$(jq .status answer)"
