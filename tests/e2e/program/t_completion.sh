#!/usr/bin/env bash
# What may come next on a command line, from the program's own tables, and bash, which shows it.
# shellcheck source-path=SCRIPTDIR source=../lib.sh source=../../../packaging/completions/certpool.bash
script=$(realpath "$(dirname "$0")/../../../packaging/completions/certpool.bash")
. "$(dirname "$0")/../lib.sh"
manifest 2 2 >manifest.yaml
mkdir pki && touch pki/requests.jwe 'a file.jwe'
PATH=$(dirname "$certpool"):$PATH

# next WORD…: what may stand for the last word.
next() { certpool complete -- "$@" | cut -f 1 | sort | xargs; }
verbs=$(certpool help | sed -nE 's/^  ([a-z][a-z-]*) +.*/\1/p' | sort | xargs)
equal 'all verbs' "$verbs" "$(next '')"
equal 'verbs of some letters' 'keep' "$(next ke)"
equal 'verbs after help' "$verbs" "$(next help '')"
for verb in $verbs; do
	equal "the options of $verb" "$(certpool help "$verb" | sed -nE 's/^  (-., |    )(--[a-z0-9-]+).*/\2/p' | sort | xargs)" \
		"$(next "$verb" -)"
done
equal 'clients' 'client1 client2' "$(next enroll '')"
equal 'clients after an option with a value' 'client1 client2' "$(next enroll --ca http://127.0.0.1:1 cl)"
equal 'the second of two operands' 'client2' "$(next send client1 client2)"
equal 'nothing after the last' '' "$(next enroll client1 '')"
equal 'operands that repeat' 'ca client1 client2' "$(next init client1 ca '')"
equal 'actions' 'ca key root' "$(next rotate '')"
equal 'a client after an action' 'client1 client2' "$(next rotate key '')"
equal 'nothing after an action without' '' "$(next rotate ca '')"
equal 'no action that begins alike' '' "$(next client li '')"
equal 'actions of one operand' 'disable' "$(next client d)"
equal 'members' 'client1/ client2/' "$(next export '')"
equal 'what an operand stands for in two ways' ':file client1 client2' "$(next verify '')"
equal 'the value of an option' 'client1 client2' "$(next list --client '')"
equal 'of a letter' ':file' "$(next crl -o '')"
equal 'after --, operands alone' '' "$(next enroll -- -)"
equal 'nothing of an unknown verb' '' "$(next frobnicate '')"
(cd / && equal 'clients of the manifest on the line' 'client1 client2' "$(next enroll -m "$folder/manifest.yaml" '')" &&
	equal 'also attached' 'client1 client2' "$(next enroll "-qm$folder/manifest.yaml" '')" &&
	equal 'also after =' 'client1 client2' "$(next enroll "--manifest=$folder/manifest.yaml" '')" &&
	equal 'without a manifest, none' '' "$(next enroll '')" && [ "$failures" -eq 0 ]) || fail 'manifests of the line'
expect 0 'no manifest' certpool complete -m /nowhere -- enroll ''
check_not 'is nothing to complain of' test -s err
expect 0 'in JSON' certpool complete --json -- enroll --im
check 'is an object' jq -e '.word == "--import" and (.about | length) > 10' out

# In bash. compopt works while bash itself completes, which tests/world/t_completions.sh lets it.
. "$script"
compopt() { :; }
# bash_next WORD…
bash_next() {
	COMP_WORDS=(certpool "$@")
	COMP_CWORD=$#
	_certpool
	printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' '
}
equal 'bash: verbs' 'enroll' "$(bash_next enr)"
equal 'bash: options' '--import' "$(bash_next enroll --im)"
equal 'bash: clients' 'client1 client2' "$(bash_next enroll client)"
equal 'bash: clients after a URL' 'client1 client2' "$(bash_next enroll --ca http : //127.0.0.1 : 1 client)"
equal 'bash: clients after an option and its value in one' 'client1 client2' "$(bash_next enroll --ca = http : //127.0.0.1 client)"
equal 'bash: files' 'pki/requests.jwe' "$(bash_next enroll client1 --import pki/)"
equal 'bash: a file with a space in its name' 'a file.jwe' "$(bash_next enroll client1 --import 'a f')"
equal 'bash: directories' 'pki' "$(bash_next new p)"
equal 'bash: registered' 'complete -F _certpool certpool' "$(complete -p certpool)"
