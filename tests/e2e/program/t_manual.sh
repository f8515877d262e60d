#!/usr/bin/env bash
# Manual pages are made of the tables of verbs and options, with the prose of docs/man.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
prose=$(realpath "$(dirname "$0")/../../../docs/man")
. "$(dirname "$0")/../lib.sh"

verbs=$("$certpool" help | sed -nE 's/^  ([a-z][a-z-]*) +.*/\1/p')
equal 'each verb has prose, and no other has' "$(sort <<<"$verbs" | xargs)" \
	"$(find "$prose/verb" -name '*.mdoc' -printf '%f\n' | sed 's/\.mdoc$//' | sort | xargs)"

# options_of FILE: the help's; flags_of FILE [PATTERN]: the page's.
options_of() { sed -nE 's/^  (-., |    )--([a-z0-9-]+).*/\2/p' "$1" | sort -u | xargs; }
flags_of() { grep -Ee "${2-.}" "$1" | grep -oE 'Fl -[a-z0-9-]+' | sed 's/Fl -//' | sort -u | xargs; }

for verb in $verbs; do
	"$certpool" help "$verb" >help.txt
	expect 0 "the page of $verb" "$certpool" help "$verb" --man --prose "$prose/verb/$verb.mdoc"
	prints 'begins with the date of its prose' '^\.Dd [A-Z][a-z]+ [0-9]+, 20[0-9]{2}$'
	sed -n '/^\.Sh OPTIONS/,/^\.Sh [DE]/p' out >options
	equal "names each option of $verb, and no other" "$(options_of help.txt)" "$(flags_of options '^\.(It )?Fl')"
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' out >synopsis
	equal 'invents none in the synopsis' '' \
		"$(comm -13 <(options_of help.txt | tr ' ' '\n') <(flags_of synopsis | tr ' ' '\n') | xargs)"
	equal 'names each variable, and no other' \
		"$(grep -oE '\[CERTPOOL_[A-Z0-9_]+' help.txt | grep -vE '_(MANIFEST|JSON|QUIET)$' | tr -d '[' | sort | xargs)" \
		"$(sed -n '/^\.Sh ENVIRONMENT/,/^\.El/s/^\.Ev //p' out | sort | xargs)"
	equal 'has the example of the help' "$(sed -n '/^Example:/,/^$/s/^  //p' help.txt)" \
		"$(sed -n '/^\.Bd -literal -offset indent/,/^\.Ed/p' out | tail -n +2 | sed '$d')"
done

expect 0 'the page of certpool' "$certpool" help --man --prose "$prose/certpool.mdoc"
equal 'points to the page of each verb' "$(xargs <<<"$verbs")" \
	"$(sed -nE 's/^\.It Xr certpool-([a-z-]+) 1$/\1/p' out | xargs)"
equal 'has the options of all verbs' 'help json manifest quiet version' \
	"$(sed -n '/^\.Sh OPTIONS/,/^\.Sh ENV/p' out >options; flags_of options '^\.It Fl')"

expect 0 'a page without prose' "$certpool" help keep --man
prints 'is whole' '^\.It Fl -within Ar duration$'
prints 'has the help of the verb' '^repairs damaged files'
printf '.Dd May 1, 2026\n.\\" --nothing\nx\n' >wrong.mdoc
expect 2 'prose about an option that there is not' "$certpool" help keep --man --prose wrong.mdoc
says 'is refused' '^certpool help: wrong\.mdoc: the prose is about an option that there is not: --nothing$'
check_not 'before anything is printed' test -s out
expect 2 'prose without a page' "$certpool" help keep --prose wrong.mdoc
says 'is refused, too' '--prose: expected --man with it'
expect 4 'prose that is not there' "$certpool" help keep --man --prose missing.mdoc
