#!/usr/bin/env bash
# Pictures of the page about a CA that has a month of history, live, at two widths, dark and light:
#   tests/world/screenshots.sh FOLDER
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
# The page shows where the record lies: in a file system that only this script sees it is /srv/certpool.
[ -n "${UNSHARED-}" ] || UNSHARED=1 exec unshare --map-root-user --mount bash "$0" "$@"
mkdir -p "$1" && target=$(realpath "$1") && here=$(realpath "$(dirname "$0")") || exit 1
. "$here/../e2e/lib.sh"
# shellcheck source=fleet.sh
. "$here/fleet.sh"
mount -t tmpfs certpool /srv && mkdir /srv/certpool && cd /srv/certpool || exit 1

# The address is in no picture; ca.admin takes a loopback address.
admin_port=$(free_port 8441)
make_fleet
start_ca
url=$("$certpool" status --admin-url)
for theme in light dark; do
	python3 "$here/browser.py" picture "$url" "$target/page-1440-$theme.png" 1440 900 "$theme" || fail "$theme, 1440"
	python3 "$here/browser.py" picture "$url" "$target/page-360-$theme.png" 360 780 "$theme" || fail "$theme, 360"
done
python3 "$here/browser.py" picture "${url}client/kiosks" "$target/client-1440-light.png" 1440 900 light || fail 'client'
stop "$ca"
ls -l "$target"
