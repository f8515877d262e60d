#!/usr/bin/env bash
# The documents hold together: each relative link of a page leads to a file, and each of its anchors to a heading.
# shellcheck source-path=SCRIPTDIR source=../lib.sh disable=SC2016
sources=$(realpath "$(dirname "$0")/../../..")
. "$(dirname "$0")/../lib.sh"

# links PAGE: the targets of its links and pictures, one a line; what is in a block of code or between ` is none.
links() {
	sed '/^```/,/^```/d; /^    /d; s/`[^`]*`//g' "$1" | grep -oE '\]\([^) ]+\)|(src|href)="[^"]+"' |
		sed -E 's/^\]\(//; s/^(src|href)="//; s/[)"]$//'
}
# headings PAGE: the anchors of its headings, as GitHub makes them.
headings() {
	sed -n '/^```/,/^```/d; s/^##* //p' "$1" | LC_ALL=C.UTF-8 sed -E 's/\[([^]]*)\]\([^)]*\)/\1/g; s/.*/\L&/; s/[^[:alnum:] _-]//g; s/ /-/g'
}

# dead_links FOLDER: those of all its pages, each with its page.
dead_links() {
	local page link file
	find "$1" \( -name build -o -name node_modules \) -not -path "$1" -prune -o -name '*.md' -print | sort | while IFS= read -r page; do
		links "$page" | while IFS= read -r link; do
			[[ ! $link =~ ^(https?|mailto): ]] || continue
			file=$page
			[ -z "${link%%#*}" ] || file=$(dirname "$page")/${link%%#*}
			if [ ! -e "$file" ]; then
				echo "${page#"$1"/}: $link: no such file"
			elif [[ $link == *#* ]] && ! headings "$file" | grep -qxF -- "${link#*#}"; then
				echo "${page#"$1"/}: $link: no such heading"
			fi
		done
	done
}

# A checkout may lie in a folder of any name.
mkdir -p build/pages
printf '# A page\n\n## Where it is, déjà\n\n[a](a.md) [b](#where-it-is-déjà) [c](c.md#a-page) ![d](d.svg)\n[`e`](../e) [f](https://f.example) `[g](g.md)`\n\n    [h](h.md)\n' >build/pages/a.md
equal 'a link to no file or no heading is found' 'a.md: c.md#a-page: no such file
a.md: d.svg: no such file
a.md: ../e: no such file' "$(dead_links "$PWD/build/pages")"
printf '# C\n' >build/pages/c.md
equal 'and to no heading of a page that is there' 'a.md: c.md#a-page: no such heading' "$(dead_links "$PWD/build/pages" | sed -n 1p)"
equal 'every link of every page leads somewhere' '' "$(dead_links "$sources")"

# commands PAGE: its lines of code, without what is drawn; of a comment the beginning alone.
commands() {
	awk '/^```/ { open = !open; code = open && length($0) > 3; next }
		code || (!open && /^    /) { sub(/  +#.*/, ""); print }' "$1"
}
for page in README.md course.md; do
	english=$sources/docs/$page
	[ -f "$english" ] || english=$sources/$page
	equal "the French $page has the commands of the English one" "$(commands "$english")" "$(commands "$sources/docs/fr/$page")"
	equal 'and as many sections' "$(grep -c '^##* ' "$english")" "$(grep -c '^##* ' "$sources/docs/fr/$page")"
	check 'which are some' test "$(commands "$english" | grep -c '^\$ ')" -gt 10
done

# docs/demo.svg, the recording of make demo: its lines are those that the demo prints, apart from serials, times, ports
# and random choices.
mask() {
	sed -E 's/[0-9a-f]{40}/SERIAL/; s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/; s/127\.0\.0\.1:[0-9]+/ADDRESS/
		s/member [0-9]+/member N/; s/client1-[0-9]+/client1-N/; s/(All files are in ).*/\1FOLDER/' | sort -u
}
lines_of_recording() { sed -n 's/<\/text>$//; s/<text[^>]*>//p' "$1" | sed 's/<[^>]*>//g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'; }
{ printf 'a <b> & "c"\n\n  d\n' && printf 'long %.0s' {1..40} && echo; } >printed
"$sources/ci/record.sh" 'a command' <printed >recording.svg
equal 'a recording has every line, whatever is in it' "\$ a command
$(cat printed)" "$(lines_of_recording recording.svg)"
CERTPOOL=$certpool "$sources/ci/demo.sh" "$folder/demo" >printed
equal 'docs/demo.svg is what make demo prints' "$(mask <printed)" "$(lines_of_recording "$sources/docs/demo.svg" | grep -v '^\$ make demo' | mask)"
