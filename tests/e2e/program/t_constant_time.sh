#!/usr/bin/env bash
# catalogue 104: the comparison of tags, MACs and passwords does the same whatever they are, so that its time says
# nothing of them. Valgrind follows octets that were never written: it complains where a jump or an address
# depends on one. Nothing is timed.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
sources=$(realpath "$(dirname "$0")/../../..")
. "$(dirname "$0")/../lib.sh"

# The object of the program under test, as it was compiled.
objects=$(dirname "$certpool")/common/base
if sanitized || [ ! -f "$objects/bytes.o" ] || grep -q gcov "$objects/bytes.o" || ! command -v valgrind >/dev/null || ! command -v cc >/dev/null; then
	skip 'a comparison of secrets takes as long whatever they are' 'no object of its own, valgrind or compiler; a sanitizer'
	exit
fi
cat >compare.c <<'END'
#include "common/base/bytes.h"

#include <stdlib.h>

volatile bool outcome;

/* As memcmp() does: the control. */
static bool stops_early(struct bytes a, struct bytes b)
{
	for (size_t i = 0; i < a.len; i++)
		if (a.data[i] != b.data[i])
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct bytes a = {malloc(32), 32};
	struct bytes b = {malloc(32), 32};

	(void)argv;
	outcome = argc > 1 ? stops_early(a, b) : equal_secrets(a, b);
	return 0;
}
END
check 'the comparison is there' cc -D_GNU_SOURCE -I"$sources" -o compare compare.c "$objects"/bytes.o "$objects"/fault.o "$objects"/utf8.o
compare() { valgrind --error-exitcode=9 -q ./compare "$@"; }
expect 0 'a comparison of secrets depends on none of their octets' compare
expect 9 'as one that stops at the first difference would' compare early
says 'which valgrind sees' 'depends on uninitialised value'
