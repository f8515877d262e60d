#!/usr/bin/env bash
# Compares tests/CATALOGUE.md, the list of bad inputs, attacks and faults, with the numbers in the
# tests' comments ("catalogue 13", "catalogue 18, 31", "catalogue 2 to 4"):
#
#   ci/check-catalogue.sh            each number of the list is in a test, and each test's number listed
#   ci/check-catalogue.sh --update   writes into each row the tests that have its number
set -eu
cd "$(dirname "$0")/.."
list=tests/CATALOGUE.md

# Prints "NUMBER FILE" for every number in a test.
claims() {
	grep -rHoE 'catalogue [0-9]+((-| to |, | and )[0-9]+)*' --include='*.c' --include='*.sh' tests |
		awk -F: '{
			gsub(/ to /, "-", $2)
			gsub(/catalogue |,| and/, " ", $2)
			n = split($2, part, " ")
			for (i = 1; i <= n; i++) {
				m = split(part[i], bound, "-")
				for (number = bound[1]; number <= bound[m]; number++) print number, $1
			}
		}' | sort -u
}

# Reads claims, then the list; prints the list with a new third column.
fill() {
	claims | awk '
		FNR == NR { file = $2; sub(/^tests\//, "", file); shown[$1] = shown[$1] (shown[$1] ? ", " : "") "`" file "`"; next }
		/^\| *[0-9]+ *\|/ { split($0, cell, " *[|] *"); print "| " cell[2] " | " cell[3] " | " shown[cell[2]] " |"; next }
		{ print }' - "$list"
}

if [ "${1-}" = --update ]; then
	filled=$(fill)
	printf '%s\n' "$filled" >"$list"
	exit 0
fi

status=0
listed=$(sed -nE 's/^\| *([0-9]+) *\|.*/\1/p' "$list")
claimed=$(claims | cut -d' ' -f1 | sort -u)
for number in $listed; do
	grep -qxe "$number" <<<"$claimed" || { echo "$list: no test says that it shows $number"; status=1; }
done
for number in $claimed; do
	grep -qxe "$number" <<<"$listed" || { echo "$list: tests show $number, which is not in it"; status=1; }
done
if ! fill | diff -u "$list" - >/dev/null; then
	echo "$list: the last column is not up to date: run ci/check-catalogue.sh --update"
	status=1
fi
exit $status
