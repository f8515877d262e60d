# shellcheck shell=bash
# Roots whose keys are under a passphrase are replaced: one that issues by itself, and one that lies apart. It is
# here since each key that is opened costs as long as a guess of its passphrase.
. "$(dirname "$0")/../e2e/lib.sh"

(umask 077 && echo right >right && echo wrong >wrong)
for root in own apart; do
	mkdir $root
	manifest 1 1 | sed "s|layout: ca,|layout: ca, passphrase_file: ../right, $([ $root = own ] || echo 'root_layout: stick,')|" >$root/manifest.yaml
	"$certpool" init ca -q -m $root/manifest.yaml >out 2>err
	before=$(cd $root && ls -R)
	expect 6 "the wrong passphrase of a root: $root" "$certpool" rotate root -m $root/manifest.yaml --passphrase-file wrong
	says 'is named' 'passphrase'
	equal 'and nothing is made' "$before" "$(cd $root && ls -R)"
	expect 0 'with the right one' "$certpool" rotate root -m $root/manifest.yaml
	expect 0 'it is replaced' "$certpool" rotate root --finish -m $root/manifest.yaml
done
check 'its key is encrypted' grep -q 'BEGIN ENCRYPTED' own/ca/Private/ca.2.key
check 'and that of a root that lies apart' grep -q 'BEGIN ENCRYPTED' apart/stick/Private/root.key
