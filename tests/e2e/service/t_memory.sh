#!/usr/bin/env bash
# The memory of a working CA: it holds the needed keys, once, and no text of them.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

if [ "$(id -u)" -ne 0 ] || sanitized; then
	skip 'memory holds no text of a key' 'this needs root, and no sanitizer that keeps what is freed'
	exit
fi

# occurrences PROCESS HEX…: prints how often its writable memory contains each octet string.
occurrences() {
	perl -e '
		my ($process, @needles) = @ARGV;
		my @hits = (0) x @needles;
		open(my $maps, "<", "/proc/$process/maps") or die;
		open(my $memory, "<:raw", "/proc/$process/mem") or die;
		while (<$maps>) {
			/^([0-9a-f]+)-([0-9a-f]+) rw/ or next;
			my ($begin, $end) = (hex $1, hex $2);
			seek($memory, $begin, 0);
			read($memory, my $data, $end - $begin) or next;
			for my $i (0 .. $#needles) {
				my ($octets, $at) = (pack("H*", $needles[$i]), 0);
				while (($at = index($data, $octets, $at)) >= 0) { $hits[$i]++; $at++ }
			}
		}
		print "@hits\n";' -- "$@"
}
hex() { od -An -tx1 | tr -d ' \n'; }

manifest 100 1 >manifest.yaml
"$certpool" init -q >init.log
"$certpool" request client1 -q >request.log
start_ca
check 'a pool is enrolled' "$certpool" enroll client1
k=$(sed -E 's/.*"k":"([^"]+)".*/\1/' client1/Private/shared_ca.jwk)
# catalogue 98, 99: the search finds the key itself once, which shows that the search works
equal 'of a shared key there is the key alone; of the root key no PEM' '1 0 0' "$(occurrences "$ca" \
	"$(printf '%s=' "$k" | tr '_-' '/+' | base64 -d | hex)" \
	"$(printf %s "$k" | hex)" \
	"$(sed -n 2p ca/Private/root.key | tr -d '\n' | hex)")"
