#!/usr/bin/env bash
# Makes a deployment as an older certpool left it, and archives it:
#
#   make.sh CERTPOOL NAME OUTPUT.tar.gz [MORE KEYS OF ca:]
#
# A CA on port 0; client1 with a pool of 3, of which member 2 is revoked; a CRL; backup.tar; and in
# late.jwe the request that client1 sends for a fourth member, which the CA has not seen, made at the
# time in late.time. What the older certpool has no verb for is left out. Everything is valid for
# decades. The keys in it are for tests only.
#
# The archives here were made by builds of these commits: v1 8fe7339, v2 dce93f1, v3 bdd4eac, v4 e9533fe,
# v5 61ab1fea, v6 5cf22997.
# vN has a record of version N; in vN-intermediate the CA issues under an intermediate:
#   make.sh CERTPOOL vN-intermediate OUTPUT.tar.gz 'root_layout: root, intermediate: {validity: 90y}'
# In vN-rotated, made in the same way, it has a second intermediate, and a second root is beside the first.
set -eu
certpool=$(realpath -e "$1")
name=$2
output=$(realpath "$3")
more=${4-}
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
mkdir "$folder/$name"
cd "$folder/$name"

write_manifest() {
	cat <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://127.0.0.1:0", validity: 100y, certificates: {validity: 50y}${more:+, $more}}
		clients:
		  client1: {pool: {size: $1}}
		  client2: {pool: {size: 1}}
	END
}
has_verb() { "$certpool" help "$1" >/dev/null 2>&1; }
# The URL that a server says when it is ready.
start() {
	mkfifo ready
	"$@" 7>ready >&2 &
	server=$!
	read -r CERTPOOL_CA <ready
	export CERTPOOL_CA
	rm ready
}
stop() {
	kill "$server"
	wait "$server" || true
	server=
}

write_manifest 3 >manifest.yaml
"$certpool" init -q
start "$certpool" serve --ready 7
"$certpool" request client1 -q
"$certpool" enroll client1 -q
if [[ $name == *-rotated ]]; then
	"$certpool" rotate ca -q
	"$certpool" rotate root -q
fi
if has_verb revoke; then
	"$certpool" revoke client1/2 --reason keyCompromise -q
	"$certpool" crl --der -q -o last.crl
	echo 'correct horse battery staple' >pass
	chmod 600 pass
	"$certpool" backup backup.tar --passphrase-file pass -q
fi
stop

# What a client sends, with nobody to answer.
write_manifest 4 >manifest.yaml
"$certpool" request client1 -q
start python3 -c '
import http.server, os
class Taker(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        open("late.jwe", "wb").write(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_error(400)
server = http.server.HTTPServer(("127.0.0.1", 0), Taker)
os.write(7, b"http://127.0.0.1:%d\n" % server.server_port)
os.close(7)
server.serve_forever()'
"$certpool" enroll client1 -q || true
stop
date +%s >late.time
tar -C "$folder" --sort=name --owner=0 --group=0 --numeric-owner -c "$name" | gzip -9n >"$output"
