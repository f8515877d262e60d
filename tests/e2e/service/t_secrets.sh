#!/usr/bin/env bash
# Secrets never appear in arguments, the environment, output, logs, or a core.
# shellcheck source-path=SCRIPTDIR source=../lib.sh disable=SC2030,SC2031
. "$(dirname "$0")/../lib.sh"

manifest 3 1 >manifest.yaml
"$certpool" init >all.out 2>all.err
start_ca
start_receiver client2 # without a certificate of its own it can receive
for client in client1 client2; do
	"$certpool" request $client >>all.out 2>>all.err
	"$certpool" enroll $client >>all.out 2>>all.err
done
"$certpool" send client1 client2 --endpoint "$inbox" hello >>all.out 2>>all.err
cp client1/Private/shared_ca.jwk kept && sed 's/"k":"..../"k":"AAAA/' kept >client1/Private/shared_ca.jwk
rm client1/cert/cert_key1.crt
"$certpool" enroll client1 >>all.out 2>>all.err
echo '{"kty":"oct","k":"Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8x"}' >client1/Private/shared_ca.jwk
"$certpool" enroll client1 >>all.out 2>>all.err
cp kept client1/Private/shared_ca.jwk
"$certpool" status >>all.out 2>>all.err

# catalogue 99: the forms of keys that could leak
list_secrets() {
	jq -r .k ./*/Private/*.jwk
	echo Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8x
	cat ./*/Private/*.key | grep -v -- -----
}
list_secrets | sort -u >secrets
check 'there are secrets to be sought' test "$(wc -l <secrets)" -gt 10
cat all.out all.err serve.out serve.err receive.out receive.err >logs
check 'there are logs' test "$(wc -l <logs)" -gt 10
equal 'none is in what was printed' 0 "$(grep -cFf secrets logs)"
ps axww -o args >processes
equal 'none is in an argument' 0 "$(grep -cFf secrets processes)"
cat "/proc/$ca/environ" "/proc/$receiver/environ" 2>check.log | tr '\0' '\n' >environment
equal 'none is in the environment' 0 "$(grep -cFf secrets environment)"
equal 'none is outside Private' 0 "$(grep -rlFf secrets ca client1 client2 | grep -vc /Private/)"

# catalogue 98: no dump, no tracing by others
if sanitized; then
	skip 'a process cannot be dumped' 'the address sanitizer traces itself'
else
	owner() { stat -c %U "/proc/$1/mem"; }
	equal 'the CA'\''s memory is for root alone' root "$(owner "$ca")"
	equal 'no core of the CA' 0 "$(awk '/Max core file size/ { print $5 }' "/proc/$ca/limits")"
	equal 'no core of the receiver' 0 "$(awk '/Max core file size/ { print $6 }' "/proc/$receiver/limits")"
	if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
		chmod 755 . && mkdir mine && chown 65534 mine
		(
			cd mine || exit 1
			# The program under test may be in a folder that another user cannot enter.
			install -m 755 "$certpool" certpool && certpool=$PWD/certpool
			manifest 1 1 >manifest.yaml
			own_record manifest.yaml mine
			as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
			"${as[@]}" env HOME=/ "$certpool" init -q >out 2>err || exit 1
			"${as[@]}" env HOME=/ "$certpool" serve --listen "http://$host:0" >served 2>&1 &
			process=$!
			eventually grep -q listening served || touch verdict
			"${as[@]}" cat "/proc/$process/environ" >stolen 2>check.log && echo readable >verdict
			"${as[@]}" dd if="/proc/$process/mem" of=stolen bs=1 count=1 >check.log 2>&1 && echo readable >verdict
			kill $process
			wait $process
			[ ! -e verdict ]
		) >check.log 2>&1
		equal 'another process of the same user reads neither memory nor environment' 0 $?
	else
		skip 'another process of the same user' 'needs root and setpriv'
	fi
fi

# M is confidential, too: once it was handed on, the receiver's memory has nothing of it, nor of the JWS in which it came.
if [ "$(id -u)" -eq 0 ] && ! sanitized; then
	stop "$receiver"
	printf '#!/bin/sh\ntouch started\nuntil [ -e gate ]; do sleep 0.05; done\n' >handler && chmod +x handler
	"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
	start_receiver client2 --exec ./handler --exec-timeout 10m
	head -c 6000 /dev/urandom >m
	# 48 octets of the beginning and of the middle, as they are and in base64url.
	parts=()
	for at in 0 3000; do
		parts+=("$(tail -c +$((at + 1)) m | head -c 48 | od -An -vtx1 | tr -d ' \n')")
		parts+=("$(tail -c +$((at + 1)) m | head -c 48 | basenc --base64url -w 0 | od -An -vtx1 | tr -d ' \n')")
	done
	"$certpool" send client1 client2 --endpoint "$inbox" --file m >sent 2>&1 &
	sender=$!
	check 'a message is handled' eventually test -e started
	check 'and in memory meanwhile' grep -q '[1-9]' <(in_memory "$receiver" "${parts[@]}")
	touch gate
	check 'it is verified' wait $sender
	forgotten() { [ "$(in_memory "$receiver" "${parts[@]}")" = '0 0 0 0' ]; }
	check 'then nothing of it is left in memory' eventually forgotten
	stop "$receiver"
else
	skip 'nothing of a message is left in memory' 'this needs root, and no sanitizer'
fi
