#!/usr/bin/env bash
# How long a CA is without its record when the primary of PostgreSQL is killed under load, and its standby promoted. The
# test of the failover has two servers of its own, and says the time.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

if [ ! -d /usr/lib/postgresql ]; then
	absent failover certpool 'missing: PostgreSQL'
	exit
fi

fail_over() {
	local gap_ms
	gap_ms=$(bash "$(dirname "$0")/../world/t_failover.sh" 2>&1 | tee -a "$WORK/log" |
		sed -n 's/^# .* \([0-9]*\) ms more to a healthy CA$/\1/p')
	[ -n "$gap_ms" ] || return
	record failover certpool 1 "$(awk -v ms="$gap_ms" 'BEGIN { print ms / 1000 }')"
}
for ((run = 0; run < RUNS; run++)); do attempt failover certpool fail_over; done
