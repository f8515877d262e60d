#!/usr/bin/env bash
# The first steps: a new manifest, what to do next, the help with examples that work, and what was probably
# meant by a word that is none.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# certpool new, and what it says is next.
expect 4 'no manifest' "$certpool" status
says 'says which verb writes one' 'manifest.yaml: No such file or directory: certpool new writes one, -m FILE names another$'
expect 4 'nor for init' "$certpool" init
says 'which is told the same' 'certpool new writes one'
expect 0 'certpool new' "$certpool" new
prints 'says what it wrote' '^manifest.yaml: a CA and two clients'
prints 'and what is next' '^next: certpool init$'
equal 'a manifest is for everybody to read' 644 "$(mode manifest.yaml)"
check 'it is small' test "$(wc -l <manifest.yaml)" -le 25
cp manifest.yaml first.yaml
expect 6 'a second time' "$certpool" new
check 'overwrites nothing' cmp manifest.yaml first.yaml
expect 0 'in a directory' "$certpool" new "it's here"
prints 'says how to go there' "^next: cd 'it'\\\\''s here' && certpool init$"
PATH=$(dirname "$certpool"):$PATH
expect 0 'as that says' bash -c "$(sed -n 's/^next: //p' out)"
prints 'init says what is next' '^next: certpool serve$'
prints 'and then' '^then: certpool request client1 && certpool enroll client1$'
check 'all nodes are made' test -d "it's here/ca/Private" -a -d "it's here/client2/Private"
expect 0 'under another name, in JSON' "$certpool" new -m other.yaml --json
check 'has the next command' jq -e '.manifest == "other.yaml" and .next == "certpool init -m other.yaml"' out
expect 0 'which works' bash -c "$(jq -r .next out)"
prints 'and says what is next there' '^then: certpool request client1 -m other.yaml && certpool enroll client1 -m other.yaml$'
expect 2 'two directories' "$certpool" new a b
expect 6 'a directory where there is a file' "$certpool" new first.yaml
rm -r ca client1 client2
expect 0 'init, quiet' "$certpool" init -q
check_not 'says nothing of what is next' grep -qE '^(next|then): ' out
rm -r ca client1 client2

# Did you mean.
expect 2 'a verb with a slip' "$certpool" enrol client1
says 'is guessed' '^certpool enrol: no such verb: did you mean enroll\?$'
expect 2 'an option with a slip' "$certpool" enroll client1 --imprt x
says 'is guessed' '^certpool enroll: --imprt: no such option: did you mean --import\?$'
expect 2 'a common option with a slip and a value' "$certpool" status --manfest=x
says 'is guessed' 'did you mean --manifest\?$'
expect 2 'an option like none' "$certpool" status --frobnicate
says 'is told where options are' 'see certpool help status$'
expect 4 'a client with a slip' "$certpool" request clinet1
says 'is guessed' 'found "clinet1": did you mean client1\?$'
expect 4 'a client with another number' "$certpool" request client9
says 'is not' 'found "client9": there are client1, client2$'
expect 2 'an act with a slip' "$certpool" audit lsit
says 'is guessed' 'did you mean list\?$'
expect 0 'a CA' "$certpool" init
expect 4 'a client of the record with a slip' "$certpool" revoke clinet2 --yes
says 'is guessed' 'the CA.s record has no client "clinet2": did you mean client2\?$'
expect 4 'by client too' "$certpool" client show cient1
says 'is guessed' 'did you mean client1\?$'
expect 4 'another number' "$certpool" client show client9
says 'is not' 'certpool client list shows all clients$'
expect 2 'an act of client with a slip' "$certpool" client lsit
says 'is guessed' 'did you mean list\?$'
guessed() { # NAME MEANT COMMAND…
	expect 2 "$1 with a slip" "$certpool" "${@:3}"
	says 'is guessed' ": did you mean $2\\?$"
}
guessed 'a reason' keyCompromise revoke client1/1 --reason keyComprimise
guessed 'a status' revoked list --status revokd
guessed 'a field of a policy' validity client set client1 --reset certificates,validty
guessed 'a type of key' ecdsa-p256 bench --key ecdsa-256
guessed 'what is rotated' root rotate rot
echo 'name,sise' >slip.csv
guessed 'a column' size client add --from slip.csv
sed 's/size: /key: ed2551, size: /' manifest.yaml >slip.yaml
guessed 'a value of the manifest' ed25519 status -m slip.yaml
expect 2 'a value like none' "$certpool" list --status green
check_not 'is not guessed' grep -q 'did you mean' err
rm -r ca client1 client2
sed 's/endpoint:/endpiont:/' manifest.yaml >slip.yaml
expect 2 'a key of the manifest with a slip' "$certpool" status -m slip.yaml
says 'is guessed' 'slip.yaml:6:3: .*found "endpiont": did you mean endpoint\?$'

# -V, and the version for programs.
expect 0 'certpool -V' "$certpool" -V
cp out version
expect 0 'certpool status -V' "$certpool" status -V
check 'is the same' cmp out version
expect 0 'certpool version --json' "$certpool" version --json
check 'is JSON' jq -e '.program == "certpool" and (.version | test("^[0-9.]+$"))' out
expect 0 'certpool --version --json' "$certpool" --version --json
check 'is JSON too' jq -e .version out

# Verbs come in groups, and their numbers are of no part of a text that a user has not read.
expect 0 'certpool help' "$certpool" help
for title in 'The CA' 'Clients and their pools' 'Messages and certificates' 'Looking' 'Keeping, over the years'; do
	prints "there is a group: $title" "^$title$"
done
equal 'no verb is part of something' '' "$(grep -E 'parts? [0-9]' out)"
check 'a line fits a terminal' test "$(wc -L <out)" -le 100

# Examples are run as they are printed, in this order; the unit tests parse those of all verbs.
example() { "$certpool" help "$1" | sed -n '/^Example:/,/^$/s/^  //p'; }
sed -i "s/127.0.0.1:8440/$host:$(free_port 8440)/; s/127.0.0.1:8442/$host:$(free_port 8450)/" manifest.yaml
printf 'name,size\nmeter1,3\nmeter2,3\n' >fleet.csv
run_example() {
	while IFS= read -r line; do
		rm -f client3.invitation.json
		expect "${2-0}" "the example: $line" bash -c "$line"
	done < <(example "$1")
}
for verb in init version help bench; do run_example $verb; done
start serve serve
for verb in request enroll status list show verify; do run_example $verb; done
"$certpool" request client2 -q >out && "$certpool" enroll client2 -q >out
start receive receive client2 --count 1
run_example send
run_example seal
run_example open
"$certpool" enroll client1 --export client1.jwe -q >out
mkdir requests && cp client1/CSR_file/csr_key1.csr requests/
sed -i 's/clients:/&\n  client3: {}/' manifest.yaml
for verb in invite client crl revoke keep repair renew audit check prune; do run_example $verb; done
run_example pool 3
echo secret >backup.pass && chmod 600 backup.pass
run_example backup
expect 0 'the example of new' bash -c "$(example new)"
mkdir restored && cp ca.tar backup.pass restored && cd restored || exit 1
run_example restore
