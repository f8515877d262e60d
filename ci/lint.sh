#!/usr/bin/env bash
# The checks of `make lint` other than clang-tidy. Runs all of them, then fails if one failed.
set -eu
cd "$(dirname "$0")/.."
status=0

echo 'lint: clang-format'
find ci common tools tests -name '*.[ch]' -print0 |
	xargs -0 -P 2 -n 20 clang-format --dry-run -Werror || status=1

# Suppressed: leaks, as cppcheck does not know the cleanup attribute; its internal error at compound
# literals.
echo 'lint: cppcheck'
cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 -j 2 \
	--suppress=memleak --suppress=resourceLeak --suppress=internalAstError \
	--suppress=missingIncludeSystem -D_GNU_SOURCE -I. common tools || status=1

# Excluded: variables that a sourced file sets for its users, and optional arguments of its functions.
echo 'lint: shellcheck'
find .ci/run ci packaging pki-layout tests \( -name '*.sh' -o -name '*.bash' -o -name run \) -print0 |
	xargs -0 -P 2 -n 20 shellcheck -x -P SCRIPTDIR -e SC2034,SC2119,SC2120 || status=1

echo 'lint: mandoc'
make --no-print-directory --silent man || status=1
mandoc -Tlint -W warning docs/man/*.5 "${BUILD:-build}"/man/*.1 || status=1

echo 'lint: layers'
ci/check-layers.sh || status=1
ci/check-layers.sh --self-test || status=1

echo 'lint: the list of bad inputs'
ci/check-catalogue.sh || status=1

# What makes a check of the end-to-end tests fail, or pass, by chance.
forbid() { # WHY EXPRESSION FOLDER…
	if grep -rnP --include='*.sh' --include='*.py' --include=run -e "$2" "${@:3}"; then
		echo "lint: $1"
		status=1
	fi
}
scripts=(tests/e2e tests/interop tests/world)
echo 'lint: unsteady checks'
# shellcheck disable=SC2016 # expressions, not expansions
forbid 'grep: expected -e before a pattern that is an expansion: it may begin with a hyphen, as base64url does' \
	'\bgrep(\s+-\w*[^\We])*\s+"?\$(?![@'\''])' ci packaging pki-layout tests
forbid 'expected a limit of 300 s or more: with sanitizers a busy machine is 30 times slower' \
	'(?<![-\w])(timeout|read -r -t|settimeout\()\s*[1-9]\d?\b' "${scripts[@]}"
forbid 'expected eventually: nobody knows how long to sleep' '\bsleep [1-9]' "${scripts[@]}"
forbid 'expected another octet than there is: a given one is the same one time in 256' \
	'head -c -\d+ .*\b(printf|echo)\b|\|\| x'\''[0-9a-f]{2}'\''' "${scripts[@]}"
forbid 'stop: expected a look at what it sets, stopped: stop itself never fails' '\b(expect \d|check) .* stop "\$' "${scripts[@]}"
forbid 'check_not: expected no pipe in another shell: what its first command says is lost' \
	'\bcheck_not .*\b(sh|bash) -c .*(?<!\|)\|(?!\|)' "${scripts[@]}"

# A test that Criterion should leave out has .disabled among its arguments.
echo 'lint: unfinished or disabled code'
if grep -rnE '\b(TODO|FIXME|XXX|HACK|NOLINT)\b|(^|[[:space:],(])\.disabled *= *true' --include='*.[ch]' --include=Makefile \
	common tools tests Makefile; then
	status=1
fi
exit $status
