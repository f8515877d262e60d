#!/usr/bin/env bash
# What each way to choose a member promises, over 100,000 messages of processes that are killed: the unit tests of that,
# which make check runs with fewer. once_only has five pools of 20,000 members, each of which signs once: a choice takes
# longer the more members there are. It writes for each message; what a process wrote before it was killed is there on
# any file system, so these are in memory where there is room.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

tests=$(dirname "$certpool")/tests/unit/pool/tests
# keeps PROMISE MESSAGES: the test of once_only has a fifth as many.
keeps() { CERTPOOL_TEST_MESSAGES=$2 "$tests" --short-filename --filter="promises/$1_*" 2>&1 | tee kept | grep -F 'Tested: 1 | Passing: 1 '; }
for promise in random rotating_batch limited_time per_relying_party; do
	check "$promise" keeps $promise 100000
done
if [ -d /dev/shm ] && [ "$(df --output=avail /dev/shm | tail -n 1)" -gt 1048576 ]; then export TMPDIR=/dev/shm; fi
for pool in 1 2 3 4 5; do
	check "once_only, pool $pool" keeps once_only 100000
done
