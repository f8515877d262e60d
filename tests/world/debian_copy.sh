#!/usr/bin/env bash
# For t_debian.sh, in a copy of a machine: a new user installs the packages below this script as README.md says, makes a
# CA as README.Debian says, upgrades, removes and purges them.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh disable=SC2012
sources=$(realpath "$(dirname "$0")")
packages=$sources/build/deb
CERTPOOL=/bin/true
. "$sources/lib.sh"
certpool=/usr/bin/certpool
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -y --no-install-recommends "$@" </dev/null; }
manifest=/etc/certpool/manifest.yaml
# The index of manual pages would take longer than all else.
rm -f /var/lib/man-db/auto-update

of_that_name() { find /etc /usr /lib /var/lib -xdev -name '*certpool*' 2>/dev/null | sort; }
before=$(of_that_name)

as_readme_says=$(sed -nE 's/^    make deb && sudo apt install (\S+) .*/\1/p' "$sources/README.md")
# shellcheck disable=SC2086 # a pattern of files
in_sources() { (cd "$sources" && apt install $as_readme_says ./build/deb/certpool-ca_*.deb); }
expect 0 'the program is installed as README.md says, and the CA as a service' in_sources
expect 0 'it runs' certpool version
check 'the user has no shell' grep -qE '^certpool:.*:/var/lib/certpool:.*nologin$' /etc/passwd
equal 'the directory is the user'"'"'s alone' 'certpool certpool 700' "$(stat -c '%U %G %a' /var/lib/certpool)"
check 'the manifest is a conffile' grep -q " $manifest " <(dpkg-query -W -f '${Conffiles}\n' certpool-ca | sed 's/$/ /')
check_not 'nothing is enabled' compgen -G '/etc/systemd/system/*/certpool*'
for unit in certpool-ca certpool-keep@; do
	equal "$unit: runs the program with that manifest" "/usr/bin/certpool $manifest" \
		"$(sed -nE 's/^ExecStart=(\S+) .*--manifest (\S+)$/\1 \2/p' /lib/systemd/system/$unit.service)"
done
if command -v systemd-analyze >/dev/null; then
	expect 0 'systemd takes the units' systemd-analyze verify --man=no /lib/systemd/system/certpool-ca.service /lib/systemd/system/certpool-keep@.timer
	check_not 'and has nothing to say about them' grep certpool err
fi

# A CA and two clients of this host.
cat >>$manifest <<-'END'
	clients:
	  client1: {layout: /var/lib/certpool/client1, pool: {size: 3}}
	  client2: {layout: /var/lib/certpool/client2, pool: {size: 3}, endpoint: "http://127.0.0.1:0"}
END
cd /var/lib/certpool || exit 1
as_user() { runuser -u certpool -- certpool "$@" -m $manifest; }
expect 0 'init' as_user init
equal 'the CA is the user'"'"'s' 'certpool 700' "$(stat -c '%U %a' ca/Private)"
cd "$folder" && chmod 711 . || exit 1
launcher=(setpriv --reuid certpool --regid certpool --init-groups)
start_ca -m $manifest
for client in client1 client2; do
	expect 0 "request $client" as_user request $client
	expect 0 "enroll $client" as_user enroll $client
done
start_receiver client2 --online -m $manifest
expect 0 'send' as_user send client1 client2 bonjour --endpoint "$inbox"
prints 'a verified message' 'verified'
expect 0 'the page' as_user status --html
prints 'is there' '^<!doctype html>'

# Another version of the same content. The manifest, which its administrator has changed, stays.
mkdir newer
for package in certpool certpool-ca; do
	dpkg-deb -R "$packages"/${package}_*.deb $package
	sed -i 's/^Version: .*/&+1/' $package/DEBIAN/control
	dpkg-deb --root-owner-group -b $package newer/ >/dev/null
done
expect 0 'an upgrade beside the running CA' dpkg -i newer/*.deb
check 'the manifest stays' grep -q client2 $manifest
expect 0 'the CA too' as_user check
stop "$receiver"
stop "$ca"
equal 'which ends as it should' 0 "$stopped"

expect 0 'apt-get remove' apt remove certpool certpool-ca
check_not 'the program is gone' test -e /usr/bin/certpool
check 'the manifest stays' test -e $manifest
# The directory of the CA may be a link to a place of its own.
mkdir -p /srv && mv /var/lib/certpool /srv/certpool && ln -s /srv/certpool /var/lib/certpool
expect 0 'apt-get purge' apt purge certpool certpool-ca
check_not 'the manifest is gone' test -e /etc/certpool
check 'a CA is not' test -e /var/lib/certpool/ca/state
check 'which is said' grep -q '/var/lib/certpool has the files of a CA' out err
rm -rf /var/lib/certpool /srv/certpool
equal 'nothing else is left' "$before" "$(of_that_name)"

# The second stage of the Dockerfile, without the lists of packages, which another machine has to fetch. The user that
# the packages have left is not in the image.
userdel certpool
cp "$packages"/certpool_*.deb /tmp/
stage=$(sed -n '/^FROM debian:12-slim$/,$p' "$sources/Dockerfile")
commands=$(sed -n '/^RUN /,/[^\\]$/p' <<<"$stage" | sed '1s/^RUN apt-get update/:/; s|/var/lib/apt/lists/\*||')
expect 0 'what the Dockerfile runs' bash -ec "$commands"
equal 'the directory is of the user that it names' "$(sed -n 's/^USER //p' <<<"$stage") 700" "$(stat -c '%U %a' "$(sed -n 's/^WORKDIR //p' <<<"$stage")")"
port=$(free_port 8440)
cd /var/lib/certpool || exit 1
arguments=$(sed -n 's/^CMD //p' <<<"$stage" | jq -r 'join(" ")' | sed "s/0\.0\.0\.0:8440/$host:$port/")
health=$(sed -n 's/^HEALTHCHECK CMD //p' <<<"$stage" | jq -r '.[2]' | sed "s/127\.0\.0\.1\([:/]\)8440/$host\1$port/g")
for verb in new init; do check "certpool $verb" "${launcher[@]}" certpool $verb; done
check_not 'before it serves, it is not healthy' "${launcher[@]}" bash -c "$health"
read -ra arguments <<<"$arguments"
"${launcher[@]}" certpool "${arguments[@]}" 2>/tmp/serve.err &
check 'while it serves, it is' eventually "${launcher[@]}" bash -c "$health"
stop $!
equal 'it ends at the signal that docker sends' 0 "$stopped"
