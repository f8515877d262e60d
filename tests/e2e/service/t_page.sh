#!/usr/bin/env bash
# The page about a CA: as a file, and live for its operator, who alone has its token.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
colours=$(realpath "$(dirname "$0")/colours.jq")
. "$(dirname "$0")/../lib.sh"

port=$(free_port 8441)
cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://$host:0", admin: "http://$host:$port"$store}
clients:
  client1: {pool: {size: 5}}
  client2: {pool: {size: 3}}
END
# A figure of a page, and of status --json.
figure() { sed -nE "s/.*<data id=\"n-$1\" value=\"([0-9]+)\".*/\1/p" "$2"; }
json() { jq -r "select(.node==\"ca\") | .$1" status.json; }
same_figures() { # PAGE
	local name
	"$certpool" status --json >status.json
	for name in valid revoked expired ending_soon clients clients_joined {issued,revoked,refused}_{hour,day,month}; do
		[ "$(figure "$name" "$1")" = "$(json "$name")" ] || {
			echo "$name: page $(figure "$name" "$1"), JSON $(json "$name")"
			return 1
		}
	done
}

# --- a file ---
expect 0 'init' "$certpool" init
expect 0 'a page of a CA that has issued nothing' "$certpool" status --html
prints 'is HTML' '^<!doctype html>'
expect 2 'an output without --html' "$certpool" status -o page.html
says 'says what is missing' '--output: expected --html'
sed 's/, admin: [^}]*//' manifest.yaml >without.yaml
expect 2 'the URL of the admin'\''s page' "$certpool" status --admin-url -m without.yaml
says 'says what the manifest lacks' 'write admin: http://127.0.0.1:8441 below ca:'
expect 4 'the URL before there is a token' "$certpool" status --admin-url
says 'says who makes it' 'certpool serve makes it'
for wrong in http://0.0.0.0:8441 http://192.0.2.1:8441 http://localhost:8441 https://127.0.0.1:8441 http://127.0.0.1:0; do
	sed "s|admin: \"[^\"]*\"|admin: \"$wrong\"|" manifest.yaml >wrong.yaml
	expect 2 "admin: $wrong is refused" "$certpool" status -m wrong.yaml
	says 'with another way' 'ca.admin.*loopback address and a port.*ssh -L'
done

start_ca --verbose
check 'serve says where the page is, and how to come to it' grep -q "a page for the operator at http://$host:$port.*status --admin-url" serve.err
"$certpool" request client1 -q >out && expect 0 'enroll' "$certpool" enroll client1
"$certpool" revoke client1/5 -q >out
"$certpool" client disable client2 -q >out && "$certpool" request client2 -q >out
expect 6 'a refusal' "$certpool" enroll client2 -q
expect 0 'a page beside a CA that serves' "$certpool" status --html -o page.html
silent 'goes to the file alone'
equal 'which its owner alone may read' 600 "$(mode page.html)"
check 'it has the figures of status --json' same_figures page.html
check 'and they are right' test "$(figure valid page.html) $(figure revoked page.html) $(figure issued_hour page.html) $(figure refused_hour page.html)" = '4 1 5 1'
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

for words in 'Health' 'needs a look' 'valid certificates' 'end within 14 days' 'revoked' 'CRL' 'next update' 'Root ends' 'Last backup' 'Record' \
	'When certificates end' 'over the last 30 days' 'Valid of quota' 'First end' 'Joined' 'Seen' 'Look at' 'The last 20 of the audit log' 'Refusals by type' 'at most 1000'; do
	check "it shows $words" grep -qF -- "$words" page.html
done
colours_of_page() { grep -oE -e '--[a-z]+:#[0-9a-f]+' page.html; }
faint() { colours_of_page | jq -R 'capture("--(?<name>[a-z]+):#(?<hex>.+)")' | jq -rs -f "$colours"; }
equal 'each colour is there for both themes' 2 "$(colours_of_page | cut -d: -f1 | sort | uniq -c | awk '{ print $1 }' | sort -u)"
equal 'they can be read, and the colour-blind tell them apart' '' "$(faint)"

# --- live ---
url=$("$certpool" status --admin-url)
token=$(cat ca/Private/admin.token)
equal 'the token is the owner'\''s' 600 "$(mode ca/Private/admin.token)"
equal 'the URL has it' "http://$host:$port/$token/" "$url"
equal 'as JSON, too' "$url" "$("$certpool" status --admin-url --json | jq -r .admin_url)"
get() { curl -s -o answer -D head -w '%{http_code}' "$@"; } # prints the status
equal 'the overview' 200 "$(get "$url")"
# What takes long to make is kept for a while.
live_figures() { get "$url" >/dev/null && same_figures answer; }
check 'has the figures of status --json' eventually live_figures
has_field() { grep -qixFe "$1"$'\r' head; }
policy=$(sed -nE 's/^Content-Security-Policy: (.*)\r$/\1/pi' head)
digest=$(sed -nE 's/.*<style>(.*)<\/style>.*/\1/p' answer | tr -d '\n' | openssl dgst -sha256 -binary | base64)
equal 'the policy allows the page'\''s own style alone' \
	"default-src 'none'; img-src data:; style-src 'sha256-$digest'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'" "$policy"
check 'nobody keeps it' has_field 'Cache-Control: no-store'
check 'nor is told where a reader came from' has_field 'Referrer-Policy: no-referrer'
check 'nor guesses what it is' has_field 'X-Content-Type-Options: nosniff'
check 'it is HTML' has_field 'Content-Type: text/html; charset=utf-8'
check_not 'no cookie' grep -qi '^set-cookie' head
check_not 'no link has the token' grep -qFe "$token" answer
equal 'a client' 200 "$(get "${url}client/client1")"
check 'has its certificates' test "$(grep -o 'href="../certificate/[0-9a-f]*' answer | sort -u | wc -l)" = 5
serial=$("$certpool" list --client client1 --revoked --json | jq -r .serial)
equal 'a certificate' 200 "$(get "${url}certificate/$serial")"
check 'says that it is revoked' grep -q '<span class="state bad">revoked' answer
check 'has its PEM' bash -c "sed -n '/BEGIN/,/END/p' answer | sed 's/.*<pre[^>]*>//' | openssl x509 -noout -serial | grep -qiFe $serial"
equal 'a search for a client' 200 "$(get "$url?q=CLIENT2")"
check 'finds it' grep -q 'href="client/client2"' answer
equal 'a search for a serial' 200 "$(get "$url?q=${serial:0:8}")"
check 'finds the certificate' grep -q "href=\"certificate/$serial\"" answer
equal 'a hostile search' 200 "$(get "$url?q=%22%3E%3Cscript%3E%E2%80%AE%00%ff")"
check_not 'is shown as text' grep -q '<script' answer
check 'with its marks visible' grep -qF '&quot;&gt;&lt;script&gt;[U+202E]' answer
for path in client/nobody client/ca/x client/%3Cscript%3E certificate/00 certificate/"${serial//[0-9]/0}" nothing ../ca.crt; do
	equal "there is no $path" 404 "$(get --path-as-is "$url$path")"
done
check 'and that is no file'\''s content' grep -q 'There is no such page' answer

# --- who may not ---
other=$(tr '0-9a-f' '1-9a-f0' <<<"$token")
for path in / "/$other/" "/${token:0:39}/" "/${token}0/" "/$token" "//$token/" "/x/$token/" /favicon.ico; do
	equal "without the token (${#path}): 404" 404 "$(get --path-as-is "http://$host:$port$path")"
	check 'which says nothing' grep -q 'There is no such page' answer
done
for name in "localhost:$port" "example.com" "example.com:$port" "$host" "$host:1"; do
	equal "another Host: $name" 421 "$(get -H "Host: $name" "$url")"
	check_not 'gets no figure' grep -q '<data' answer
done
for method in POST PUT DELETE OPTIONS PATCH TRACE; do
	equal "$method is refused" 405 "$(get -X "$method" "$url")"
done
equal 'HEAD is answered' 200 "$(curl -s -I -o head -w '%{http_code}' "$url")"
check 'with the same fields' has_field 'Cache-Control: no-store'
equal 'the CA'\''s own port has no page' 404 "$(get "$endpoint/$other/")"
equal 'the page'\''s port has nothing of the CA' 404 "$(get "http://$host:$port/metrics")"

# What the CA does is seen.
"$certpool" revoke client1/4 -q >out
check 'the overview has the revocation, like status --json' eventually live_figures
equal 'which is one more' 2 "$(figure revoked answer)"

# A great fleet does not make a great page, which would be kept while it is read.
ask_record ca "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1100)
	insert into client (name, subject, alt_names, keys, validity, certificates, requests_per_minute, by_hand, origin, joined_at)
	select 'fleet' || i, subject, alt_names, keys, validity, certificates, requests_per_minute, 1, 2, joined_at from client, n
	where name = 'client1'"
rows_of() { grep -o 'id="client-[^"]*' "$1" | wc -l; }
great_fleet() { get "$url" >/dev/null && [ "$(figure clients answer)" = 1102 ]; }
check 'the overview counts 1,102 clients' eventually great_fleet
equal 'and has rows for 1,000' 1000 "$(rows_of answer)"
check_not 'of which those that need a look come first' grep -q 'id="client-client1"' answer
check 'says where the others are' grep -q 'the search finds the others' answer
equal 'a search' 200 "$(get "$url?q=client1")"
check 'finds one of them' grep -q 'href="client/client1"' answer
expect 0 'the file' "$certpool" status --html -o page.html
equal 'has them all' 1102 "$(rows_of page.html)"

stop "$ca"
equal 'the CA stops in order' 0 "$stopped"
check_not 'the log never had the token' grep -qFe "$token" serve.err serve.out
check 'but what was refused' grep -q 'admin/client/nobody' serve.err
expect 0 'a page of a stopped CA' "$certpool" status --html -o page.html
check 'has the same figures' same_figures page.html
start_ca
equal 'the token stays' "$url" "$("$certpool" status --admin-url)"
equal 'the page is there again' 200 "$(get "$url")"
stop "$ca"
rm ca/Private/admin.token
start_ca
check 'who removes it gets another one' test "$url" != "$("$certpool" status --admin-url)"
equal 'the old one is void' 404 "$(get "$url")"
stop "$ca"
echo short >ca/Private/admin.token
try_start serve serve --listen "http://$host:0" || true
check 'a file that is no token is refused with advice' grep -q 'Private/admin.token: expected a line of 40' serve.err

# --- from a backup, which a database makes by its own means ---
if [ -z "$store" ]; then
	rm ca/Private/admin.token
	expect 0 'backup' "$certpool" backup ca.tar --without-keys
	mkdir elsewhere
	cp manifest.yaml elsewhere/
	expect 0 'restore' "$certpool" restore ca.tar -m elsewhere/manifest.yaml
	expect 0 'a page of a restored CA, which has no key' "$certpool" status --html -m elsewhere/manifest.yaml -o restored.html
	equal 'has the certificates' "$(figure valid page.html) $(figure issued_month page.html)" "$(figure valid restored.html) $(figure issued_month restored.html)"
fi
