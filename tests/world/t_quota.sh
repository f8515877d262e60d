#!/usr/bin/env bash
# A quota that is used up (EDQUOT), of a file system that has quotas: btrfs, in a file. What needs room fails and says
# why, nothing is damaged, and with room the CA goes on. catalogue 71
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

# Of the file system 200 MB, of which the CA's directory may have 12.
make_disk() {
	truncate -s 200M disk && mkfs.btrfs -q disk && mkdir small && mount -o loop disk small &&
		btrfs quota enable small && btrfs subvolume create small/home && btrfs qgroup limit 12M small/home
}
if ! make_disk >check.log 2>&1; then
	skip 'a quota that is used up' "no btrfs with quotas here: $(tail -n 1 check.log)"
	exit
fi
manifest 4 1 | sed 's|layout: ca|layout: small/home/ca|' >manifest.yaml
"$certpool" init -q >out
start_ca
"$certpool" request client1 -q >out && "$certpool" enroll client1 -q >out
# What is written and not yet on the disk counts in full only then.
settle() { btrfs filesystem sync small; }
settle >check.log
fill() { sh -c "cat /dev/urandom >>small/home/$1" 2>fill.err; }
fill first
check 'the quota is used up' grep -q 'quota exceeded' fill.err
settle >check.log
fill second

full='quota exceeded|the disk is full'
for i in 1 2; do
	expect 1 "without room revocation $i fails" "$certpool" revoke client1/$i
	says 'with the reason' "$full"
	check_not "of a client $i, too" "$certpool" revoke --ca "$CERTPOOL_CA" --as client1 $i -q
done
check 'the reason is in the log' grep -qEe "$full" serve.err
expect 0 'what needs no room goes on' "$certpool" verify client1 client1/cert/cert_key3.crt --online

rm -f small/home/first small/home/second
settle >check.log
check 'with room the CA revokes' eventually "$certpool" revoke client1/1 client1/2 -q
expect 3 'which counts' "$certpool" verify client1 client1/cert/cert_key2.crt --online
check 'also for a client' eventually "$certpool" revoke --ca "$CERTPOOL_CA" --as client1 3 -q
expect 0 'the CA is well' curl -sf "$CERTPOOL_CA/health"
stop "$ca"
equal 'it ends in order' 0 "$stopped"
"$certpool" crl -q -o list.crl
expect 0 'nothing is damaged' "$certpool" check
