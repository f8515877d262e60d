#!/usr/bin/env bash
# The benchmark of the record in PostgreSQL with hardly any work: every row has its figures. Their size is not checked.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
bench=$(realpath "$(dirname "$0")/../bench/run.sh")
. "$(dirname "$0")/../e2e/lib.sh"

programs=$(dirname "$certpool")/tests/bench
if [ ! -x "$programs/single_certificates" ]; then
	skip 'the benchmark' 'its programs are not built: make bench-programs'
	exit
fi
run_bench() {
	env -u CERTPOOL_TEST_POSTGRESQL CERTPOOL="$certpool" PROGRAMS="$programs" BENCH_SIZE=tiny BENCH_PARTS='postgresql postgresql_large' "$bench" results
}
expect 0 'the benchmark comes to its end' run_bench
of_postgresql='.rows[] | select(.what | test(", (database|standby|2 front ends|large)$"))'
equal 'each comparison has a row' 15 "$(jq "$of_postgresql.what" results/bench-results.json | wc -l)"
check 'with both figures' jq -e "[$of_postgresql | .ours.median > 0 and .peer.median > 0] | all" results/bench-results.json
check 'no run failed' jq -e '[.figures[] | .absent] | all(. == null)' results/bench-results.json
equal 'no line of the table is longer than 120 columns' '' "$(awk 'length > 120' results/table.txt)"
