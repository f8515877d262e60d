#!/usr/bin/env bash
# The page about a CA, as a file.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://$host:0"}
clients:
  client1: {pool: {size: 5}}
  client2: {pool: {size: 3}}
END
# A figure of a page, and of status --json.
figure() { sed -nE "s/.*<data id=\"n-$1\" value=\"([0-9]+)\".*/\1/p" "$2"; }
json() { "$certpool" status --json | jq -r "select(.node==\"ca\") | .$1"; }
same_figures() { # PAGE
	local name
	for name in valid revoked expired ending_soon clients clients_joined {issued,revoked,refused}_{hour,day,month}; do
		[ "$(figure "$name" "$1")" = "$(json "$name")" ] || {
			echo "$name: page $(figure "$name" "$1"), JSON $(json "$name")"
			return 1
		}
	done
}

expect 0 'init' "$certpool" init
expect 0 'a page of a CA that has issued nothing' "$certpool" status --html
prints 'is HTML' '^<!doctype html>'
expect 2 'an output without --html' "$certpool" status -o page.html
says 'says what is missing' '--output: expected --html'

start_ca
"$certpool" request client1 -q >out && expect 0 'enroll' "$certpool" enroll client1
"$certpool" revoke client1/5 -q >out
expect 0 'a page beside a CA that serves' "$certpool" status --html -o page.html
silent 'goes to the file alone'
equal 'which its owner alone may read' 600 "$(mode page.html)"
check 'it has the figures of status --json' same_figures page.html
check 'and they are right' test "$(figure valid page.html) $(figure revoked page.html) $(figure issued_hour page.html)" = '4 1 5'
check_not 'no script' grep -qi '<script' page.html
check_not 'no style attribute' grep -q ' style=' page.html
check_not 'nothing from elsewhere' grep -qE '(src|href)="(https?:|//)' page.html
expect 0 'the page is replaced' "$certpool" status --html -o page.html
leads_inside() {
	local name
	grep -oE 'href="#[^"]+' page.html | cut -d'#' -f2 | sort -u >inside
	while read -r name; do
		grep -q "id=\"$name\"" page.html || { echo "$name" && return 1; }
	done <inside
}
check 'its links lead to what it has' leads_inside

stop "$ca"
expect 0 'a page of a stopped CA' "$certpool" status --html -o page.html
check 'has the same figures' same_figures page.html
# --- from a backup ---
expect 0 'backup' "$certpool" backup ca.tar --without-keys
mkdir elsewhere
cp manifest.yaml elsewhere/
expect 0 'restore' "$certpool" restore ca.tar -m elsewhere/manifest.yaml
expect 0 'a page of a restored CA, which has no key' "$certpool" status --html -m elsewhere/manifest.yaml -o restored.html
equal 'has the certificates' "$(figure valid page.html) $(figure issued_month page.html)" "$(figure valid restored.html) $(figure issued_month restored.html)"
