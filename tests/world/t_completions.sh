#!/usr/bin/env bash
# bash, zsh and fish, each in a terminal, complete verbs, options, clients and files when TAB is pressed.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
here=$(realpath "$(dirname "$0")")
scripts=$(realpath "$here/../../packaging/completions")
. "$here/../e2e/lib.sh"
manifest 2 2 | sed 's/client1/meter/; s/client2/gauge/' >manifest.yaml
touch 'an answer.jwe'

# The certpool of the shells completes, and prints any other command line.
mkdir bin home functions
cat >bin/certpool <<-END
	#!/bin/sh
	if [ "\$1" = complete ]; then exec $certpool "\$@"; fi
	echo "RAN:\$#:\$*."
END
chmod +x bin/certpool
export PATH=$folder/bin:$PATH HOME=$folder/home ZDOTDIR=$folder/home TERM=vt100 XDG_CONFIG_HOME=$folder/home
printf '%s\n' "PS1='READY> '" "source '$scripts/certpool.bash'" >bashrc
cp "$scripts/certpool.zsh" functions/_certpool
printf '%s\n' "fpath=('$folder/functions' \$fpath)" 'autoload -U compinit && compinit -u -D' 'unsetopt zle_bracketed_paste' \
	"PS1='READY> '" >home/.zshrc

# types NAME KEYS EXPECTED SHELL…
types() { check "$1" python3 "$here/type.py" "$2" "RAN:$3." "${@:4}"; }
for shell in 'bash --noprofile --rcfile bashrc -i' 'zsh -d -i'; do
	read -ra command <<<"$shell"
	types "${command[0]}: a verb" $'certpool enr\t\r' 1:enroll "${command[@]}"
	types "${command[0]}: an option" $'certpool enroll --im\tx\r' '3:enroll --import x' "${command[@]}"
	types "${command[0]}: a client" $'certpool enroll me\t\r' '2:enroll meter' "${command[@]}"
	types "${command[0]}: a member" $'certpool export ga\t1\r' '2:export gauge/1' "${command[@]}"
	types "${command[0]}: a file" $'certpool enroll meter --import an\t\r' '4:enroll meter --import an answer.jwe' "${command[@]}"
done

# fish completes a line that is given it, without a terminal.
fish_next() { fish --no-config -c "source '$scripts/certpool.fish'; complete -C '$1'" 2>&1; }
equal 'fish: a verb, and what it does' $'enroll\thave the pool certified by the CA' "$(fish_next 'certpool enr')"
equal 'fish: an option' --import "$(fish_next 'certpool enroll --im' | cut -f 1)"
equal 'fish: clients' 'gauge meter' "$(fish_next 'certpool enroll ' | sort | xargs)"
equal 'fish: a member' 'gauge/' "$(fish_next 'certpool export ga')"
equal 'fish: a file' 'an answer.jwe' "$(fish_next 'certpool enroll meter --import an' | cut -f 1)"
