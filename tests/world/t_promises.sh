#!/usr/bin/env bash
# What each way to choose a member promises, over 100,000 messages of processes that are killed: the unit tests of that,
# which make check runs with fewer; and over a million draws, how uniform random is. once_only has a pool of 100,000
# members, each of which signs once. It writes for each message; what a process wrote before it was killed is there on
# any file system, so these are in memory where there is room.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

tests=$(dirname "$certpool")/tests/unit/pool/tests
# keeps PROMISE MESSAGES: prints what the test says of it. That of once_only has a fifth as many.
keeps() {
	CERTPOOL_TEST_MESSAGES=$2 "$tests" --short-filename --verbose --filter="promises/$1_*" >kept 2>&1 || return
	grep -F 'Tested: 1 | Passing: 1 ' kept || return
	sed -nE "s/^\[----\] (.*chi-squared.*)/# $1: \1/p" kept >&3
}
exec 3>&1
check 'random, a million draws' keeps random 1000000
for promise in rotating_batch limited_time per_relying_party; do
	check "$promise" keeps $promise 100000
done
if [ -d /dev/shm ] && [ "$(df --output=avail /dev/shm | tail -n 1)" -gt 2097152 ]; then export TMPDIR=/dev/shm; fi
check 'once_only' keeps once_only 500000
