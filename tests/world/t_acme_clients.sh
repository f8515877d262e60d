#!/usr/bin/env bash
# certbot, lego and dehydrated get, renew and revoke certificates of a CA whose root is in no system's store.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

port=$(free_port 21000)
# Where the hosts of names below localhost are asked: at 127.0.0.1, where servers of PostgreSQL (tests/postgresql.sh)
# have ports from 20000 on.
http_port=$(free_port $((10000 + $$ % 4000)))
cat >manifest.yaml <<-END
	version: 1
	ca: {layout: ca, endpoint: "https://$host:$port", acme: {http_01: [shown], http_port: $http_port}}
	clients:
	  shown:
	    elsewhere: true
	    policy: {usages: [server], alt_names: ["DNS:one.localhost", "DNS:two.localhost"]}
	  web:
	    elsewhere: true
	    policy: {usages: [server], alt_names: ["DNS:www.example.org", "DNS:*.example.org", "IP:192.0.2.7"]}
END
"$certpool" init -q >out
start serve serve
expect 0 'the credentials' "$certpool" client acme web --json
kid=$(jq -r .kid out) hmac=$(jq -r .hmac out) directory=$(jq -r .directory out)
root=$PWD/ca/cert/root.crt
recorded() { sqlite3 ca/state/ca.db "select count(*) from certificate where client = 'web' and member like 'acme-%'"; }
revoked() { sqlite3 ca/state/ca.db "select count(*) from certificate where client = 'web' and revoked_at is not null"; }
verifies() { openssl verify -CAfile "$root" -purpose sslserver "$1"; }

# --- certbot ---
certbot_with() {
	REQUESTS_CA_BUNDLE=$root certbot "$@" --config-dir certbot --work-dir certbot/work --logs-dir certbot/logs -n \
		--server "$directory"
}
certificate=certbot/live/www.example.org/cert.pem
expect 0 'certbot gets a certificate' certbot_with certonly --standalone --eab-kid "$kid" --eab-hmac-key="$hmac" \
	--agree-tos -m admin@example.org -d www.example.org
check 'which openssl takes for a server' verifies "$certificate"
check 'with its name' grep -q 'DNS:www.example.org' <(openssl x509 -in "$certificate" -noout -ext subjectAltName)
cp "$certificate" first.pem
expect 0 'and renews it' certbot_with renew --force-renewal --no-random-sleep-on-renew
check_not 'the new one is another' cmp -s "$certificate" first.pem
expect 0 'and revokes the old one' certbot_with revoke --cert-path first.pem --reason superseded --no-delete-after-revoke
equal 'the record has it' 1 "$(revoked)"
openssl req -new -newkey rsa:2048 -nodes -keyout csr.key -subj / -addext subjectAltName=DNS:a.example.org,DNS:www.example.org \
	-addext extendedKeyUsage=serverAuth -outform DER -out request.der 2>/dev/null
expect 1 'a name that policy does not allow' certbot_with certonly --standalone --csr request.der --cert-path csr.pem \
	--chain-path chain.pem --fullchain-path fullchain.pem
check 'is refused with its name' grep -q 'a\.example\.org.* is not allowed' certbot/logs/letsencrypt.log
openssl req -new -key csr.key -subj /CN=www.example.org -addext subjectAltName=DNS:www.example.org -outform DER -out request.der
expect 0 'a request of one'\''s own' certbot_with certonly --standalone --csr request.der --cert-path csr.pem \
	--chain-path chain.pem --fullchain-path fullchain.pem
check 'is certified' verifies csr.pem
expect 0 'and revoked by its own key' certbot_with revoke --cert-path csr.pem --key-path csr.key --no-delete-after-revoke
equal 'the record has that too' 2 "$(revoked)"
expect 0 'certbot ends its account' certbot_with unregister

# --- lego ---
lego_with() {
	LEGO_CA_CERTIFICATES=$root lego --path lego --server "$directory" --accept-tos --email admin@example.org \
		--eab --kid "$kid" --hmac "$hmac" --http --http.port "$host:$((port + 1))" --domains www.example.org "$@"
}
expect 0 'lego gets a certificate' lego_with run
check 'which openssl takes for a server' verifies lego/certificates/www.example.org.crt
cp lego/certificates/www.example.org.crt first.pem
expect 0 'and renews it' lego_with renew --days 1000 --no-random-sleep
check_not 'the new one is another' cmp -s lego/certificates/www.example.org.crt first.pem
expect 0 'and revokes it' lego_with revoke
equal 'the record has it' 3 "$(revoked)"

# --- dehydrated ---
mkdir dehydrated well-known
cat >dehydrated/config <<-END
	CA=$directory
	EAB_KID=$kid
	EAB_HMAC_KEY=$hmac
	CURL_OPTS="--cacert $root"
	BASEDIR=$PWD/dehydrated
	WELLKNOWN=$PWD/well-known
	CHALLENGETYPE=http-01
	KEY_ALGO=prime256v1
END
dehydrated_with() { dehydrated --config dehydrated/config "$@"; }
expect 0 'dehydrated makes an account' dehydrated_with --register --accept-terms
expect 0 'and gets a certificate' dehydrated_with --cron --domain www.example.org
check 'which openssl takes for a server' verifies dehydrated/certs/www.example.org/cert.pem
cp "$(realpath dehydrated/certs/www.example.org/cert.pem)" first.pem
expect 0 'and renews it' dehydrated_with --cron --force --domain www.example.org
check_not 'the new one is another' cmp -s dehydrated/certs/www.example.org/cert.pem first.pem
expect 0 'and revokes it' dehydrated_with --revoke "$(realpath dehydrated/certs/www.example.org/cert.pem)"
equal 'the record has it' 4 "$(revoked)"
expect 0 'and ends its account' dehydrated_with --deactivate

equal 'all certificates are in the record' 7 "$(recorded)"

# --- http-01: each shows that it has its names ---
"$certpool" client acme shown --json >out
kid=$(jq -r .kid out) hmac=$(jq -r .hmac out)
validated() { sqlite3 ca/state/ca.db 'select count(*) from acme_challenge where state = 2'; }
expect 0 'certbot shows that it has two names' certbot_with certonly --standalone --http-01-address 127.0.0.1 \
	--http-01-port "$http_port" --eab-kid "$kid" --eab-hmac-key="$hmac" --agree-tos -m admin@example.org \
	-d one.localhost -d two.localhost
check 'and has their certificate' verifies certbot/live/one.localhost/cert.pem
equal 'after each was asked' 2 "$(validated)"
rm -r lego
lego_shows() {
	LEGO_CA_CERTIFICATES=$root lego --path lego --server "$directory" --accept-tos --email admin@example.org \
		--eab --kid "$kid" --hmac "$hmac" --http --http.port "127.0.0.1:$1" --domains two.localhost run
}
expect 0 'lego shows that it has one' lego_shows "$http_port"
check 'and has its certificate' verifies lego/certificates/two.localhost.crt
equal 'after it was asked' 3 "$(validated)"
rm -r lego
expect 1 'who shows it elsewhere has none' lego_shows "$((http_port + 1))"
says 'and is told why' 'acme:error:connection'
"$certpool" crl -q >out
expect 0 'which is in order' "$certpool" check
