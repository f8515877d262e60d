#!/usr/bin/env bash
# What `make lint` runs besides clang-tidy. Runs all of it, then fails if one failed.
set -eu
cd "$(dirname "$0")/.."
status=0

echo 'lint: clang-format'
find ci common tools tests -name '*.[ch]' -print0 |
	xargs -0 -P 2 -n 20 clang-format --dry-run -Werror || status=1

# Left out: leaks, as it does not know the cleanup attribute; its own trouble with compound literals.
echo 'lint: cppcheck'
cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 -j 2 \
	--suppress=memleak --suppress=resourceLeak --suppress=internalAstError \
	--suppress=missingIncludeSystem -D_GNU_SOURCE -I. common tools || status=1

# Left out: variables that a sourced file sets for others, and its functions' optional arguments.
echo 'lint: shellcheck'
find .ci/run ci pki-layout tests \( -name '*.sh' -o -name run \) \
	-exec shellcheck -x -P SCRIPTDIR -e SC2034,SC2119,SC2120 {} + || status=1

echo 'lint: layers'
ci/check-layers.sh || status=1
ci/check-layers.sh --self-test || status=1

echo 'lint: the list of bad inputs'
ci/check-catalogue.sh || status=1

echo 'lint: what was left for later or switched off'
if grep -rnE '\b(TODO|FIXME|XXX|HACK|NOLINT)\b|\.disabled *= *true' --include='*.[ch]' --include=Makefile \
	common tools tests Makefile; then
	status=1
fi
exit $status
