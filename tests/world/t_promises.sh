#!/usr/bin/env bash
# What each way to choose a member promises, over 100,000 messages of processes that are killed, or 20,000 of once_only,
# which writes for each: the unit tests of that, which make check runs with fewer.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

tests=$(dirname "$certpool")/tests/unit/pool/tests
keeps() { CERTPOOL_TEST_MESSAGES=$2 "$tests" --short-filename --filter="promises/$1_*" 2>&1 | tee kept | grep -F 'Tested: 1 | Passing: 1 '; }
for promise in random rotating_batch limited_time per_relying_party; do
	check "$promise" keeps $promise 100000
done
check 'once_only' keeps once_only 20000
