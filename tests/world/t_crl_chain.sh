#!/usr/bin/env bash
# nginx (ssl_crl) and PostgreSQL (ssl_crl_file) below an intermediate: with `certpool crl --chain` they let a
# member in, and refuse one that is revoked; with the CA's CRL alone they refuse all.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

manifest 2 1 | sed 's|layout: ca,|layout: ca, root_layout: root,|' >manifest.yaml
"$certpool" init -q >out
start_ca
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
"$certpool" revoke client1/2 --reason keyCompromise -q >out
stop "$ca"
expect 0 'the CRLs of root and CA' "$certpool" crl --chain -o chain.crl
expect 0 "the CA's alone" "$certpool" crl -o alone.crl
cat ca/cert/ca.crt ca/cert/root.crt >trusted.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.crt \
	-subj /CN=server -days 2 2>openssl.log

# PostgreSQL refuses to run as root.
as=()
if [ "$(id -u)" = 0 ]; then
	as=(setpriv --reuid nobody --regid nogroup --clear-groups)
	chmod 711 .
	chown nobody server.key
fi
own_folder() { mkdir "$1" && { [ ${#as[@]} = 0 ] || chown nobody "$1"; }; }

# serve_by COMMAND…: starts a server, and waits until it takes connections on $port.
takes_connections() { (: <"/dev/tcp/$host/$port") 2>/dev/null; }
serve_by() {
	"${as[@]}" "$@" >>server.log 2>&1 &
	world=$!
	eventually takes_connections
}

# --- nginx ---
port=$(free_port 20000)
own_folder nginx
configure_nginx() { # CRL
	cat >nginx.conf <<-END
		daemon off;
		pid $PWD/nginx/pid;
		error_log $PWD/nginx/error.log info;
		events {}
		http {
			access_log off;
			client_body_temp_path $PWD/nginx/body;
			proxy_temp_path $PWD/nginx/proxy;
			fastcgi_temp_path $PWD/nginx/fastcgi;
			uwsgi_temp_path $PWD/nginx/uwsgi;
			scgi_temp_path $PWD/nginx/scgi;
			server {
				listen $host:$port ssl;
				ssl_certificate $PWD/server.crt;
				ssl_certificate_key $PWD/server.key;
				ssl_client_certificate $PWD/trusted.pem;
				ssl_verify_client on;
				ssl_verify_depth 2;
				ssl_crl $PWD/$1;
				location / { return 200 "\$ssl_client_verify\n"; }
			}
		}
	END
}
visit() { # MEMBER
	curl -s -k -o answer -w '%{http_code}' --cert "client1/cert/cert_key$1.crt" \
		--key "client1/Private/private_key$1.key" "https://$host:$port/"
}
configure_nginx chain.crl
serve_by /usr/sbin/nginx -e "$PWD/nginx/error.log" -c "$PWD/nginx.conf"
equal 'nginx lets a member in' 200 "$(visit 1)"
equal 'which it verified' SUCCESS "$(cat answer)"
equal 'and refuses a revoked one' 400 "$(visit 2)"
check 'for that' grep -q 'certificate revoked' nginx/error.log
stop "$world"
configure_nginx alone.crl
serve_by /usr/sbin/nginx -e "$PWD/nginx/error.log" -c "$PWD/nginx.conf"
equal "with the CA's CRL alone it refuses both" 400 "$(visit 1)"
stop "$world"

# --- PostgreSQL ---
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
port=$(free_port "$port")
own_folder postgres
check 'PostgreSQL has a cluster' "${as[@]}" "$bin/initdb" -D "$PWD/postgres/data" -U reader --auth=reject --no-sync
configure_postgres() { # CRL
	"${as[@]}" tee "$PWD/postgres/data/postgresql.auto.conf" >/dev/null <<-END
		listen_addresses = '$host'
		port = $port
		unix_socket_directories = '$PWD/postgres'
		fsync = off
		ssl = on
		ssl_cert_file = '$PWD/server.crt'
		ssl_key_file = '$PWD/server.key'
		ssl_ca_file = '$PWD/trusted.pem'
		ssl_crl_file = '$PWD/$1'
	END
}
echo "hostssl all reader 127.0.0.0/8 trust clientcert=verify-ca" | "${as[@]}" tee "$PWD/postgres/data/pg_hba.conf" >out
ask() { # MEMBER
	psql "host=$host port=$port user=reader dbname=postgres sslmode=require connect_timeout=20 \
		sslcert=client1/cert/cert_key$1.crt sslkey=client1/Private/private_key$1.key" -At -c 'select 1'
}
configure_postgres chain.crl
serve_by "$bin/postgres" -D "$PWD/postgres/data"
# It refuses everybody while it starts.
started() { ! grep -q 'starting up' <(ask 1 2>&1); }
eventually started
expect 0 'PostgreSQL lets a member in' ask 1
prints 'to ask' '^1$'
expect 2 'and refuses a revoked one' ask 2
says 'for that' 'revoked'
stop "$world"
configure_postgres alone.crl
serve_by "$bin/postgres" -D "$PWD/postgres/data"
eventually started
expect 2 "with the CA's CRL alone it refuses both" ask 1
stop "$world"
