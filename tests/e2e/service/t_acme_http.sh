#!/usr/bin/env bash
# http-01: ACME clients that have to show that they have their names, at hosts that answer as they like.
# shellcheck source-path=SCRIPTDIR source=../acme.sh
. "$(dirname "$0")/../acme.sh"
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
if ! command -v python3 >/dev/null; then
	skip 'http-01' 'there is no python3'
	exit 0
fi

# A host of many names, NAME.localhost, each of which answers in its own way. $authorizations has a file a token.
mkdir authorizations
: >asked
cat >responder.py <<'END'
import http.server, os, sys, time

class Responder(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        token = os.path.basename(self.path)
        way = self.headers.get("Host", "").split(".")[0]
        with open("asked", "a") as asked:
            print(way, self.path, file=asked)
        if way == "hangs":
            time.sleep(600)
        elif way == "drips":
            for octet in b"HTTP/1.0 200 OK\r\n\r\n" + b"a" * 600:
                time.sleep(1)
                self.wfile.write(bytes([octet]))
        elif way == "moved":
            self.send_response(302)
            self.send_header("Location", "http://good.localhost:%d%s" % (self.server.server_port, self.path))
            self.end_headers()
        elif way == "missing":
            self.send_error(404)
        else:
            with open("authorizations/" + token, "rb") as page:
                body = page.read()
            if way == "large":
                body += b"\n" * 70000
            elif way == "wrong":
                body = body.split(b".")[0] + b".another"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *rest):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Responder)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
END
mkfifo responder
python3 responder.py >responder 2>responder.err &
read -r -t 300 http_port <responder

port=$(free_port 20000)
names='"DNS:good.localhost", "DNS:late.localhost", "DNS:second.localhost", "DNS:hangs.localhost", "DNS:drips.localhost", "DNS:moved.localhost", "DNS:missing.localhost", "DNS:large.localhost", "DNS:wrong.localhost", "DNS:*.localhost", "IP:127.0.0.1", "IP:169.254.169.254", "IP:127.9.9.9"'
sed "2s|endpoint: [^}]*}|endpoint: \"https://$host:$port\", acme: {http_01: [client1], http_port: $http_port}}|; s|client.: {|&policy: {usages: [server], alt_names: [$names]}, |" \
	<(manifest 2 2) >manifest.yaml
"$certpool" init -q >out
"$certpool" client acme client1 --json >credentials
base=$(jq -r '.directory | sub("/directory$"; "")' credentials)
acme_binding credentials
jose jwk gen -i '{"alg":"ES256"}' -o account.jwk
export CURL_CA_BUNDLE=$PWD/ca/cert/root.crt
start serve serve
ca=$server
equal 'a client has an account' 201 "$(ask_by_key account.jwk "$base/new-account" "{\"externalAccountBinding\":$(binding account.jwk client1 "$base/new-account")}")"
kid=$(field Location)
thumbprint=$(public account.jwk | jose jwk thp -a S256 -i-)

# identifier NAME: a name, or an address.
identifier() {
	case $1 in
	[0-9]*) printf '{"type":"ip","value":"%s"}' "$1" ;;
	*) printf '{"type":"dns","value":"%s"}' "$1" ;;
	esac
}
# order NAME: a new order; sets $order, $finalize, $authorization, $challenge and $token.
order() {
	ask "$base/new-order" "{\"identifiers\":[$(identifier "$1")]}" >status
	order=$(field Location)
	finalize=$(jq -r .finalize answer)
	authorization=$(jq -r '.authorizations[0]' answer)
	ordered="$(cat status) $(jq -r .status answer)"
	ask "$authorization" '' >status
	challenge=$(jq -r '.challenges[0].url' answer)
	token=$(jq -r '.challenges[0].token' answer)
}
show() { echo "$token.$thumbprint" >"authorizations/$token"; }
# settled URL: the status of the object is neither pending nor processing any more.
settled() {
	ask "$1" '' >out
	jq -e '.status | . != "pending" and . != "processing"' answer >state
}

# --- two hosts that never end: nobody waits for them meanwhile ---
order hangs.localhost
hanging=$authorization
show
equal 'a challenge is taken up' '200 processing' "$(ask "$challenge" '{}') $(jq -r .status answer)"
equal 'and says when to ask again' 1 "$(field Retry-After)"
equal 'below its authorization' "<$authorization>;rel=\"up\"" "$(field Link | grep up)"
ask "$challenge" '{}' >out
order drips.localhost
dripping=$authorization
show
ask "$challenge" '{}' >out

# --- a host that shows what it should ---
order good.localhost
equal 'an order of a client that is challenged' '201 pending' "$ordered"
equal 'has a challenge of this type' 'http-01 pending 43' "$(jq -r '.challenges[0] | "\(.type) \(.status) \(.token | length)"' answer)"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k1.pem 2>/dev/null
refuses 'it is not finalized before' 403 orderNotReady "$(ask "$finalize" "{\"csr\":\"$(csr k1.pem DNS:good.localhost /)\"}")"
show
equal 'to look at the challenge has nobody asked' '200 pending' "$(ask "$challenge" '') $(jq -r .status answer)"
check_not 'so far' grep -q '^good ' asked
ask "$challenge" '{}' >out
check 'its host is asked' eventually settled "$challenge"
equal 'and the challenge valid' 'valid string' "$(jq -r '.status + " " + (.validated | type)' answer)"
equal 'for the path of the RFC' "good /.well-known/acme-challenge/$token" "$(grep '^good ' asked)"
equal 'as is the authorization' '200 valid' "$(ask "$authorization" '') $(jq -r .status answer)"
equal 'and the order ready' '200 ready' "$(ask "$order" '') $(jq -r .status answer)"
equal 'whose certificate is there' '200 valid' "$(ask "$finalize" "{\"csr\":\"$(csr k1.pem DNS:good.localhost /)\"}") $(jq -r .status answer)"
ask "$challenge" '{}' >out
equal 'it is asked once' 1 "$(grep -c '^good ' asked)"

# An address (RFC 8738), and an order of two names.
order 127.0.0.1
show
ask "$challenge" '{}' >out
check 'an address is asked, too' eventually settled "$challenge"
equal 'and valid' valid "$(jq -r .status answer)"
ask "$base/new-order" "{\"identifiers\":[$(identifier good.localhost),$(identifier second.localhost)]}" >out
order=$(field Location)
mapfile -t authorizations < <(jq -r '.authorizations[]' answer)
ask "${authorizations[0]}" '' >out
token=$(jq -r '.challenges[0].token' answer)
show
ask "$(jq -r '.challenges[0].url' answer)" '{}' >out
check 'one of two names' eventually settled "${authorizations[0]}"
equal 'leaves the order pending' pending "$(ask "$order" '' >out && jq -r .status answer)"

# --- a record that takes no outcome for a while ---
ask_record ca "create trigger away before update on acme_challenge begin select raise(abort, 'away'); end"
order late.localhost
show
ask "$challenge" '{}' >out
check 'an outcome that cannot be recorded is logged' eventually grep -q 'http-01: DNS:late.localhost: the outcome will be recorded later: .*away' serve.err
equal 'and its challenge is not settled' processing "$(ask "$challenge" '' >out && jq -r .status answer)"
ask_record ca 'drop trigger away'
check 'until it can be recorded' eventually settled "$challenge"
equal 'without another question' 'valid 1' "$(jq -r .status answer) $(grep -cF -e "$token" asked)"

# --- hosts that do not ---
fails() { # WHAT NAME ERROR TEXT
	order "$2"
	show
	ask "$challenge" '{}' >out
	check "$1 is an answer" eventually settled "$challenge"
	equal 'by which the challenge is invalid' "invalid $3" "$(jq -r '.status + " " + (.error.type | sub(".*:"; ""))' answer)"
	# shellcheck disable=SC2016
	check 'for a reason that is told' jq -e --arg part "$4" '.error.detail | contains($part)' answer
	equal 'and the order, too' invalid "$(ask "$order" '' >out && jq -r .status answer)"
	refuses 'for good' 403 orderNotReady "$(ask "$finalize" "{\"csr\":\"$(csr k1.pem "DNS:$2" /)\"}")"
}
fails 'a redirect' moved.localhost incorrectResponse 'without a redirect, found 302'
check_not 'that nobody follows' grep -q "^good .*$token" asked
fails 'a page that is not there' missing.localhost incorrectResponse 'found 404'
fails 'a page of more than 64 KiB' large.localhost incorrectResponse 'at most 65536 octets'
fails 'a page with another text' wrong.localhost incorrectResponse 'expected the key authorization'
fails 'nobody who listens' 127.9.9.9 connection '127.9.9.9'
fails 'the address where clouds have their credentials' 169.254.169.254 connection 'one that the CA does not ask'
check 'the log has the refusal' grep -q '"type":"challenge"' <("$certpool" audit list --json)

# --- who is challenged, and for what ---
refuses 'a wildcard has no host' 403 rejectedIdentifier "$(ask "$base/new-order" "{\"identifiers\":[$(identifier '*.localhost')]}")"
refuses 'a name that policy does not allow is no order' 403 rejectedIdentifier "$(ask "$base/new-order" "{\"identifiers\":[$(identifier evil.localhost)]}")"
order second.localhost
show
"$certpool" client set client1 --alt-names DNS:good.localhost -q >out
refuses 'nor is it asked when the policy changes' 403 rejectedIdentifier "$(ask "$challenge" '{}')"
check_not 'not even its host' grep -q '^second ' asked
"$certpool" client set client1 --reset alt-names -q >out

check 'a host that never answers is an answer after ten seconds' eventually settled "$hanging"
equal 'no good one' invalid "$(jq -r .status answer)"
equal 'asked twice it is one question' 1 "$(grep -c '^hangs ' asked)"
check 'and so is one that drips' eventually settled "$dripping"
equal 'as little' 'invalid connection' "$(jq -r '.status + " " + (.challenges[0].error.type | sub(".*:"; ""))' answer)"

cp account.jwk first.jwk
first=$kid
"$certpool" client acme client2 --json >credentials
acme_binding credentials
jose jwk gen -i '{"alg":"ES256"}' -o account.jwk
ask_by_key account.jwk "$base/new-account" "{\"externalAccountBinding\":$(binding account.jwk client2 "$base/new-account")}" >out
kid=$(field Location)
ask "$base/new-order" "{\"identifiers\":[$(identifier good.localhost)]}" >status
equal 'another client is not challenged' '201 ready' "$(cat status) $(jq -r .status answer)"
order=$(field Location)
cp manifest.yaml before.yaml
# reloaded CLIENTS TIMES: the manifest names these in http_01 from now on; SIGHUP tells the CA, for which it is the nth time.
reloaded() {
	sed "s/http_01: [[]client1[]]/http_01: [$1]/" before.yaml >manifest.yaml
	kill -HUP "$ca"
	eventually noted "$2"
}
noted() { [ "$(grep -c 'SIGHUP: manifest.yaml: clients:' serve.err)" -ge "$1" ]; }
check 'SIGHUP has the manifest read again' reloaded 'client1, client2' 1
equal 'by which a further client is challenged' '201 pending' "$(ask "$base/new-order" "{\"identifiers\":[$(identifier good.localhost)]}") $(jq -r .status answer)"
equal 'for what it has ordered, too' pending "$(ask "$order" '' >out && jq -r .status answer)"
check 'and by which it is not any more' reloaded client1 2
equal 'its order is ready again' ready "$(ask "$order" '' >out && jq -r .status answer)"
check_not 'nothing waits for another start' grep -q 'not taken over' serve.err

cp first.jwk account.jwk
kid=$first
order hangs.localhost
show
ask "$challenge" '{}' >out
stop "$ca"
equal 'the CA stops while a host is asked' 0 "$stopped"
"$certpool" crl -q >out
expect 0 'the record is in order' "$certpool" check

# A name that was mistyped has nobody challenged.
sed 's/http_01: \[client1\]/http_01: [client1, clinet2, stranger]/' manifest.yaml >mistyped.yaml
expect 1 'check finds names in http_01 that no client has' "$certpool" check -m mistyped.yaml
prints 'with the name that was meant' 'ca.acme.http_01.*no client has the name "clinet2": did you mean client2.*, and no client has the name "stranger"'
start mistyped serve -m mistyped.yaml
check 'and serve says so when it starts' grep -q 'ca.acme.http_01: no client has the name "clinet2": did you mean client2' mistyped.err
stop "$server"
sed 's/http_01: \[client1\]/http_01: ["a b"]/' manifest.yaml >wrong.yaml
expect 2 'the manifest names clients' "$certpool" status -m wrong.yaml
says 'and says so' 'ca.acme.http_01.*expected a client.s name'
