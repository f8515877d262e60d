#!/usr/bin/env bash
# The page about a CA in Chromium, as a file and live: every link leads somewhere, its figures are those of status
# --json, hostile names are text, nothing is in the console, and no request leaves (browser.py).
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
browser=$(realpath "$(dirname "$0")/browser.py")
. "$(dirname "$0")/../e2e/lib.sh"

port=$(free_port 8441)
cat >manifest.yaml <<END
version: 1
ca: {layout: ca, endpoint: "http://$host:0", admin: "http://$host:$port"}
clients:
  client1: {pool: {size: 4}}
  client2: {pool: {size: 3}}
  hostile: {pool: {size: 2, subject: 'CN=\<script\>window.hostile=1\</script\>{index}\"\>'}}
END
"$certpool" init -q >out 2>err
start_ca
url=$("$certpool" status --admin-url)
for client in client1 client2 hostile; do
	"$certpool" request "$client" -q >out
	expect 0 "enroll $client" "$certpool" enroll "$client"
done
"$certpool" revoke client1/2 -q >out
"$certpool" client disable client2 >out
# What no client and no operator can write: text that turns, tags, a handler, and as long a line as is read, 64 KB.
long=$(head -c 65000 /dev/zero | tr '\0' 'x')
ask_record ca "update client set subject = '\"><img src=x onerror=window.hostile=1>' || char(8238) where name = 'hostile'"
ask_record ca "update certificate set subject = '<svg onload=window.hostile=1>' || char(8238)"
ask_record ca "update audit set line = replace(line, '\"type\":\"disabled\"', '\"type\":\"<script>window.hostile=1</script>\",\"detail\":\"\\u202e\\\"><iframe src=javascript:window.hostile=1>$long\"') where line like '%\"disabled\"%'"

# The same in both: what the CA is now.
figures() { "$certpool" status --json | jq -Sc 'select(.node == "ca") | {valid, revoked, expired, ending_soon, clients, clients_joined,
	issued_hour, issued_day, issued_month, revoked_hour, revoked_day, revoked_month, refused_hour, refused_day, refused_month}'; }

expect 0 'the file' "$certpool" status --html -o page.html
check 'has the hostile names' grep -q '&lt;script&gt;window.hostile' page.html
expect 0 'the file in Chromium' python3 "$browser" visit "file://$PWD/page.html"
equal 'has the figures of status --json' "$(figures)" "$(jq -Sc .figures out)"
live_figures() { [ "$(curl -s "$url" | sed -nE 's/.*<data id="n-issued_day" value="([0-9]+)".*/\1/p')" = 9 ]; }
check 'the live page has caught up' eventually live_figures
expect 0 'every page in Chromium' python3 "$browser" visit "$url"
equal 'with the same figures' "$(figures)" "$(jq -Sc .figures out)"
equal 'the overview, clients, and certificates' $((1 + 3 + 9)) "$(jq .pages out)"
expect 0 'a search in Chromium' python3 "$browser" visit "$url?q=%3Cscript%3Ewindow.hostile=1%3C/script%3E"
stop "$ca"
