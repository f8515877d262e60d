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
find .ci/run ci packaging pki-layout tests \( -name '*.sh' -o -name '*.bash' -o -name run \) \
	-exec shellcheck -x -P SCRIPTDIR -e SC2034,SC2119,SC2120 {} + || status=1

echo 'lint: mandoc'
make --no-print-directory --silent man || status=1
mandoc -Tlint -W warning docs/man/*.5 "${BUILD:-build}"/man/*.1 || status=1

echo 'lint: layers'
ci/check-layers.sh || status=1
ci/check-layers.sh --self-test || status=1

echo 'lint: the list of bad inputs'
ci/check-catalogue.sh || status=1

# A test that Criterion should leave out has .disabled among its arguments.
echo 'lint: unfinished or disabled code'
if grep -rnE '\b(TODO|FIXME|XXX|HACK|NOLINT)\b|(^|[[:space:],(])\.disabled *= *true' --include='*.[ch]' --include=Makefile \
	common tools tests Makefile; then
	status=1
fi
exit $status
